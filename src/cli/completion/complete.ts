import { ALL_FORMATS, FORMATS } from '../../../formats/index.ts';
import type { Command, NamedCommand, Program } from '../command-line/program.ts';
import type { Option } from '../options/option.ts';
import { longForm, type OptionName, OPTIONS } from '../options/options.ts';
import type { Candidate } from './candidate.ts';
import { listDatasets, listKsnaps, listSourceNames } from './names.ts';

/** What may stand where a command line ends. */
export interface Completion {
  /** What the shell adds of its own. */
  readonly paths: 'files' | 'folders' | 'none';
  readonly candidates: readonly Candidate[];
}

const ALL: Readonly<Record<OptionName, Option>> = OPTIONS;

/** Shells that kexport has a script for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;

/**
 * Completes a command line of a program: `words` follow the name of the program, and the last one,
 * which may be empty, is completed.
 */
export async function complete(program: Program, words: readonly string[]): Promise<Completion> {
  const before = words.slice(0, -1);
  const current = words.at(-1) ?? '';
  const { command, operands } = placeOf(program, before);
  const { paths, candidates } = await (optionThatWaits(before, current) ??
    wordsAt(program, command, operands, current));
  return { paths, candidates: candidates.filter(({ word }) => word.startsWith(current)) };
}

interface Place {
  readonly command: Command | NamedCommand;
  /** How many operands of it stand before. */
  readonly operands: number;
}

function placeOf({ main, commands }: Program, before: readonly string[]): Place {
  const operands = before.filter(
    (word, index) => !word.startsWith('-') && !valueOf(before[index - 1] ?? ''),
  );
  const command = commands.find(({ name }) => name === operands[0]);
  return command
    ? { command, operands: operands.length - 1 }
    : { command: main, operands: operands.length };
}

/** The option that a word is, if its value is the next word. */
function valueOf(word: string): Option | undefined {
  const name = (Object.keys(OPTIONS) as OptionName[]).find(
    (one) => word === longForm(one) || word === `-${ALL[one].short ?? ''}`,
  );
  return name !== undefined && ALL[name].placeholder !== undefined ? ALL[name] : undefined;
}

/** The values of an option, where one is due: after `--from` or `--from=`. */
function optionThatWaits(
  before: readonly string[],
  current: string,
): Promise<Completion> | undefined {
  const [, form = '', prefix = ''] = /^((--[\w-]+)=)/.exec(current) ?? [];
  const option = valueOf(prefix === '' ? (before.at(-1) ?? '') : prefix);
  return option && valuesOf(option, form);
}

async function valuesOf(
  { choices, suggestions, placeholder }: Option,
  form: string,
): Promise<Completion> {
  const choice = (word: string) => ({ word: form + word, summary: '' });
  const values = choices ?? suggestions;
  if (values) return { paths: 'none', candidates: values.map(choice) };
  if (placeholder === 'DIR') return { paths: 'folders', candidates: [] };
  if (placeholder === 'DISK') return { paths: 'files', candidates: await listSourceNames() };
  return { paths: /^(FILE|BASE)$/.test(placeholder ?? '') ? 'files' : 'none', candidates: [] };
}

async function wordsAt(
  program: Program,
  command: Command | NamedCommand,
  index: number,
  current: string,
): Promise<Completion> {
  if (current.startsWith('-')) return { paths: 'none', candidates: optionsOf(command) };
  const repeated = command.operands.find(({ isRepeated }) => isRepeated);
  const next = command.operands[index];
  const isPast = repeated !== undefined && index > command.operands.indexOf(repeated);
  const operand = isPast ? repeated : next;
  const isFirst = !('name' in command) && index === 0;
  const named = isFirst
    ? program.commands.map(({ name, summary }) => ({ word: name, summary }))
    : [];
  const { paths, candidates } = await operandsOf(operand?.name, program, current);
  return { paths, candidates: [...named, ...candidates] };
}

function optionsOf({ options }: Command): Candidate[] {
  const names = [...options.flatMap((group) => group.options), 'help', 'version'] as const;
  return names.map((name) => ({ word: longForm(name), summary: ALL[name].summary }));
}

async function operandsOf(
  operand: string | undefined,
  { commands, topics }: Program,
  current: string,
): Promise<Completion> {
  switch (operand) {
    case 'FORMATS':
      return { paths: 'none', candidates: formatsAfter(current) };
    case 'DISK':
      return { paths: 'files', candidates: await listSourceNames() };
    case 'IMAGE':
      return { paths: 'files', candidates: [] };
    case 'OUTDIR':
      return { paths: 'folders', candidates: [] };
    case 'WHAT':
      return { paths: 'folders', candidates: await listDatasets() };
    case 'SNAPSHOT':
      return { paths: 'none', candidates: await listKsnaps() };
    case 'SHELL':
      return { paths: 'none', candidates: SHELLS.map((word) => ({ word, summary: '' })) };
    case 'TOPIC':
      return {
        paths: 'none',
        candidates: [...commands, ...topics].map(({ name, summary }) => ({ word: name, summary })),
      };
    default:
      return { paths: 'none', candidates: [] };
  }
}

/** A list goes on after its last comma, without what it has. */
function formatsAfter(current: string): Candidate[] {
  const given = current.split(',').slice(0, -1);
  const start = given.map((name) => `${name},`).join('');
  const all = { word: 'all', summary: ALL_FORMATS.join(', ') };
  const formats = Object.values(FORMATS).map((create) => create());
  const others = formats
    .filter(({ name }) => !given.includes(name))
    .map(({ name, title }) => ({ word: start + name, summary: title }));
  return given.length === 0 ? [...others, all] : others;
}
