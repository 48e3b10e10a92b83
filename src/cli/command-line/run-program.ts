import { KexportError } from '../../errors.ts';
import { longForm, type OptionName } from '../options/options.ts';
import { callOf, commandHelp, programHelp } from './help.ts';
import { type GivenOption, parseOptions, splitWords, type Words } from './parse-words.ts';
import { errorJson } from '../print/error.ts';
import { chooseColor } from '../print/color.ts';
import { jsonText } from '../print/lines.ts';
import { openMessages } from './messages.ts';
import { print } from './print.ts';
import type { Command, NamedCommand, Program } from './program.ts';
import { reportError } from './report-error.ts';
import { endSoon } from './signals.ts';

const GENERAL_OPTIONS: ReadonlySet<OptionName> = new Set(['color', 'help', 'helpAll', 'version']);

/** Runs a program with the words of its command line and returns the exit status. Never throws. */
export async function runProgram(program: Program, words: readonly string[]): Promise<number> {
  // If stderr is closed, the work goes on without messages. Errors of stdout are thrown by `print`.
  process.stderr.on('error', () => undefined);
  process.stdout.on('error', () => undefined);
  try {
    checkText(words);
    return await run(program, splitWords(words));
  } catch (error) {
    const status = reportError(error, program.name);
    if (error instanceof KexportError && error.code === 'aborted') endSoon(error.cause);
    // A program reads stdout; words after -- are operands.
    const options = words.includes('--') ? words.slice(0, words.indexOf('--')) : words;
    if (options.includes('--json'))
      await print(jsonText({ error: errorJson(error) })).catch(() => 0);
    return status;
  }
}

/** Node replaces what is not UTF-8, so that another file than the one meant would be written. */
function checkText(words: readonly string[]): void {
  const word = words.find((text) => text.includes('\u{fffd}'));
  if (word === undefined) return;
  throw new KexportError('usage', `"${word}" is not text in UTF-8`, {
    hint: 'rename the file, or name it by a symbolic link',
  });
}

async function run(program: Program, words: Words): Promise<number> {
  const { given } = words;
  const { color } = parseOptions(given.filter(({ name }) => name === 'color'));
  if (color) chooseColor(color);
  const found = commandOf(program, words);
  const isGiven = (name: OptionName) => given.some((option) => option.name === name);
  if (isGiven('version')) {
    const { versionText } = await import('../print/version.ts');
    await print(await versionText(program.name));
    return 0;
  }
  if (isGiven('help') || isGiven('helpAll')) {
    await print(helpOf(program, found.command, isGiven('helpAll')));
    return 0;
  }
  checkWords(program, found, given);
  const options = parseOptions(given);
  await openMessages(options, found.operands);
  const { run: carryOut } = await found.command.load();
  return carryOut(found.operands, options, program);
}

interface FoundCommand {
  readonly command: Command | NamedCommand;
  readonly operands: readonly string[];
}

/**
 * The command that the first operand names. A file of that name is written `./info`, or after `--`.
 */
function commandOf({ main, commands }: Program, words: Words): FoundCommand {
  const [first, ...operands] = words.operands;
  const command = commands.find(({ name }) => name === first);
  return command && words.beforeDashes > 0
    ? { command, operands }
    : { command: main, operands: words.operands };
}

function helpOf(program: Program, command: Command | NamedCommand, all: boolean): string {
  return all || !('name' in command) ? programHelp(program, all) : commandHelp(program, command);
}

/** Throws a KexportError for operands and options that the command does not take. */
function checkWords(
  program: Program,
  { command, operands }: FoundCommand,
  given: readonly GivenOption[],
): void {
  const name = 'name' in command ? command.name : undefined;
  const refuse = (what: string, hint: string) => {
    throw new KexportError('usage', name === undefined ? what : `${name}: ${what}`, { hint });
  };
  const call = name === undefined ? program.name : `${program.name} ${name}`;
  const usage = `usage: ${callOf(call, command)}`;
  const missing = command.operands[operands.length];
  if (missing && !missing.isOptional) refuse(`missing argument ${missing.name}`, usage);
  const excess = operands[command.operands.length];
  if (excess !== undefined && !command.operands.some(({ isRepeated }) => isRepeated)) {
    const { excessHint } = command;
    refuse(`unexpected argument "${excess}"`, excessHint ? `${excessHint}; ${usage}` : usage);
  }
  const accepted = new Set(command.options.flatMap(({ options }) => options));
  const other = given.find((one) => !accepted.has(one.name) && !GENERAL_OPTIONS.has(one.name));
  if (other) refuse(`${longForm(other.name)} is not accepted here`, `see ${call} --help`);
}
