import type { Option } from '../options/option.ts';
import { longForm, type OptionName, OPTIONS } from '../options/options.ts';
import type { Command, NamedCommand, Program, Section } from './program.ts';

const WIDTH = 80;
/** The column in which texts begin. */
const TEXT_COLUMN = 27;

const ALL: Readonly<Record<OptionName, Option>> = OPTIONS;

/** The help of a program; with `all`, including the options that are rarely needed. */
export function programHelp(program: Program, all: boolean): string {
  const { name, summary, main, commands } = program;
  const calls = [callOf(name, main), ...(commands.length > 0 ? [`${name} COMMAND ...`] : [])];
  const general: OptionName[] = main.commonOptions
    ? ['help', 'helpAll', 'version']
    : ['help', 'version'];
  const shown = all ? undefined : main.commonOptions;
  return joined([
    `Usage: ${calls.join('\n       ')}\n\n${summary}\n`,
    ...sectionsOf(main, shown, general),
    { title: 'Commands', rows: commands.map(commandRow) },
    ...program.sections,
  ]);
}

/** The help of one of its commands. */
export function commandHelp({ name }: Program, command: NamedCommand): string {
  const { summary } = command;
  return joined([
    `Usage: ${callOf(`${name} ${command.name}`, command)}\n\n${summary}\n`,
    ...sectionsOf(command, undefined, ['help']),
  ]);
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

function sectionsOf(
  { operands, options }: Command,
  shown: ReadonlySet<OptionName> | undefined,
  general: readonly OptionName[],
): Section[] {
  const groups = options.map(({ title, options: names }) => ({
    title,
    rows: names.filter((name) => shown?.has(name) ?? true).map(optionRow),
  }));
  return [
    { title: 'Arguments', rows: operands.map(({ name, summary }) => [name, summary]) },
    ...groups,
    { title: 'Help', rows: general.map(optionRow) },
  ];
}

function optionRow(name: OptionName): [term: string, text: string] {
  const { short, placeholder, summary, choices, default: fallback } = ALL[name];
  const form = placeholder === undefined ? longForm(name) : `${longForm(name)} ${placeholder}`;
  const values = choices ? `: ${choices.join(', ')}` : '';
  const otherwise = fallback === undefined ? '' : ` (default: ${fallback})`;
  return [short === undefined ? form : `-${short}, ${form}`, summary + values + otherwise];
}

function joined(parts: readonly (string | Section)[]): string {
  const texts = parts.map((part) => (typeof part === 'string' ? part : sectionText(part)));
  return texts.filter((text) => text !== '').join('\n');
}

function sectionText({ title, rows }: Section): string {
  if (rows.length === 0) return '';
  return `${title}:\n${rows.map(([term, text]) => rowText(term, text)).join('')}`;
}

function rowText(term: string, text: string | undefined): string {
  if (text === undefined) return `  ${term}\n`;
  const [first = '', ...others] = wrapped(text, WIDTH - TEXT_COLUMN);
  const indent = ' '.repeat(TEXT_COLUMN);
  const start = `  ${term}`.padEnd(TEXT_COLUMN);
  // A term that reaches into the column of texts has a line of its own.
  const head =
    start.length > TEXT_COLUMN - 1 && !start.endsWith(' ') ? `${start}\n${indent}` : start;
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
