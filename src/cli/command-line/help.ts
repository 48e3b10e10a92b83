import type { Option } from '../options/option.ts';
import { longForm, type OptionName, OPTIONS } from '../options/options.ts';
import { paint } from '../print/color.ts';
import type { Command, NamedCommand, OptionGroup, Program, Section, Topic } from './program.ts';

const WIDTH = 80;
/** The column in which texts begin; in the short help another. */
const TEXT_COLUMN = 27;
const SHORT_TEXT_COLUMN = 24;

const ALL: Readonly<Record<OptionName, Option>> = OPTIONS;

/** The help of a program; with `all`, all of it, else one screen where it has a short help. */
export function programHelp(program: Program, all: boolean): string {
  const { main, commands, topics } = program;
  if (!all && main.commonOptions) return shortHelp(program, main.commonOptions);
  return joined([
    `${usageOf(program)}\n${program.summary}\n`,
    ...sectionsOf(program, main),
    { title: 'Commands', rows: commands.map(commandRow) },
    {
      title: `Topics (${program.name} help TOPIC)`,
      rows: topics.map(({ name, summary }) => [name, summary]),
    },
    ...program.sections,
  ]);
}

/** The help of one of its commands. */
export function commandHelp(program: Program, command: NamedCommand): string {
  const call = callOf(`${program.name} ${command.name}`, command);
  return joined([`${usageLine([call])}\n${command.summary}\n`, ...sectionsOf(program, command)]);
}

/** The help of one of its topics. */
export function topicHelp({ main }: Program, { summary, groups, sections }: Topic): string {
  const options = main.options.filter(({ title }) => groups.includes(title));
  return joined([`${summary}\n`, ...options.map(groupSection), ...sections]);
}

/** What most people need, on one screen: options without their defaults. */
function shortHelp(program: Program, shown: ReadonlySet<OptionName>): string {
  const { main, commands, footer = [] } = program;
  const names = main.options.flatMap(({ options }) => options).filter((name) => shown.has(name));
  const rows = [
    ...main.operands.map(({ name, summary }) => [name, summary] as const),
    ...names.map((name) => [formOf(name), ALL[name].summary] as const),
  ];
  const text = (part: readonly (readonly [term: string, text: string])[]) =>
    part.map(([term, meaning]) => rowText(term, meaning, SHORT_TEXT_COLUMN)).join('');
  return [
    `${usageLine([callsOf(program).join(' | ')])}${program.summary}\n\n`,
    text(rows),
    '\n',
    text(commands.filter(({ isRare }) => !isRare).map(commandRow)),
    '\n',
    ...footer.map((line) => `${wrapped(line, WIDTH).join('\n  ')}\n`),
  ].join('');
}

function usageOf(program: Program): string {
  return usageLine(callsOf(program));
}

function callsOf({ name, main, commands }: Program): string[] {
  return [callOf(name, main), ...(commands.length > 0 ? [`${name} COMMAND ...`] : [])];
}

function usageLine(calls: readonly string[]): string {
  return `${paint('stdout', 'bold', 'Usage:')} ${calls.join('\n       ')}\n`;
}

/** How a command is called: `kexport info IMAGE [OPTION]...`. */
export function callOf(name: string, { operands }: Command): string {
  const words = operands.map((operand) => {
    const word = operand.isRepeated ? `${operand.name}...` : operand.name;
    return operand.isOptional ? `[${word}]` : word;
  });
  return [name, ...words, '[OPTION]...'].join(' ');
}

function commandRow({ name, operands, summary }: NamedCommand): [term: string, text: string] {
  const needed = operands.filter(({ isOptional }) => !isOptional);
  return [[name, ...needed.map((operand) => operand.name)].join(' '), summary];
}

function sectionsOf(program: Program, command: Command): Section[] {
  const { operands } = command;
  return [
    { title: 'Arguments', rows: operands.map(({ name, summary }) => [name, summary]) },
    ...optionsOf(program, command).map(groupSection),
  ];
}

/** Every option of a command, with those of help. */
export function optionsOf({ main }: Program, command: Command): OptionGroup[] {
  const ofMain: readonly OptionName[] = main.commonOptions ? ['helpAll', 'version'] : ['version'];
  const options: OptionName[] = ['help', ...(command === main ? ofMain : []), 'color'];
  return [...command.options, { title: 'Help', options }];
}

function groupSection({ title, options }: OptionGroup): Section {
  return { title, rows: options.map(optionRow) };
}

function optionRow(name: OptionName): [term: string, text: string] {
  return [formOf(name), optionText(name)];
}

/** What an option does, its choices, and what applies without it. */
export function optionText(name: OptionName): string {
  const { summary, choices, default: fallback } = ALL[name];
  const values = choices ? `: ${choices.join(', ')}` : '';
  const otherwise = fallback === undefined ? '' : ` (default: ${fallback})`;
  return summary + values + otherwise;
}

/** An option as it is typed: `-o, --output FILE`. */
export function formOf(name: OptionName): string {
  const { short, placeholder } = ALL[name];
  const form = placeholder === undefined ? longForm(name) : `${longForm(name)} ${placeholder}`;
  return short === undefined ? form : `-${short}, ${form}`;
}

function joined(parts: readonly (string | Section)[]): string {
  const texts = parts.map((part) => (typeof part === 'string' ? part : sectionText(part)));
  return texts.filter((text) => text !== '').join('\n');
}

function sectionText({ title, rows }: Section): string {
  if (rows.length === 0) return '';
  const head = paint('stdout', 'bold', `${title}:`);
  return `${head}\n${rows.map(([term, text]) => rowText(term, text)).join('')}`;
}

function rowText(term: string, text: string | undefined, column = TEXT_COLUMN): string {
  if (text === undefined) return `  ${term}\n`;
  const [first = '', ...others] = wrapped(text, WIDTH - column);
  const indent = ' '.repeat(column);
  const start = `  ${term}`.padEnd(column);
  // A term that reaches into the column of texts has a line of its own.
  const head = start.length > column - 1 && !start.endsWith(' ') ? `${start}\n${indent}` : start;
  return `${head}${first}\n${others.map((line) => `${indent}${line}\n`).join('')}`;
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= width) {
      lines[lines.length - 1] = `${line} ${word}`;
    } else lines.push(word);
  }
  return lines;
}
