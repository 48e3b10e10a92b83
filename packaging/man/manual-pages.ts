// The manual pages, from the definitions that the programs themselves parse and help by, and from
// what texts.ts says besides.

import { optionsOf, optionText } from '../../src/cli/command-line/help.ts';
import type { Command, Operand, Program, Section } from '../../src/cli/command-line/program.ts';
import type { Option } from '../../src/cli/options/option.ts';
import { longForm, type OptionName, OPTIONS } from '../../src/cli/options/options.ts';
import { KEXPORT } from '../../src/cli/programs/kexport.ts';
import { KSNAP } from '../../src/cli/programs/ksnap.ts';
import { display, paragraphs, section, tagList, textLines } from './mdoc.ts';
import { type PageText, TEXTS } from './texts.ts';

/** A page, and the name of its file: `kexport-info.1`. */
export interface ManualPage {
  readonly file: string;
  readonly text: string;
}

/** What a page is about. */
interface Subject {
  readonly name: string;
  /** The section of the manual. */
  readonly number: 1 | 8;
  readonly summary: string;
  /** The lines of its synopsis. */
  readonly calls: readonly string[];
  readonly operands: readonly Operand[];
  /** Its commands, as the terms of a list. */
  readonly commands: Rows;
  readonly options: ReturnType<typeof optionsOf>;
  /** Of the help of the program. */
  readonly sections: readonly Section[];
}

type Rows = readonly (readonly [term: string, text: string])[];

const ALL: Readonly<Record<OptionName, Option>> = OPTIONS;

/** All pages, dated. */
export function manualPages(date: Date): ManualPage[] {
  const subjects = [kexportSubject(), ...KEXPORT.commands.map(commandSubject), ksnapSubject()];
  return subjects.map((subject) => ({
    file: `${subject.name}.${subject.number}`,
    text: pageText(subject, date),
  }));
}

function kexportSubject(): Subject {
  const { name, main, commands, summary, sections } = KEXPORT;
  return {
    name,
    number: 1,
    summary,
    calls: [call(name, main), `.Nm ${name}`, '.Ar COMMAND ...'],
    operands: main.operands,
    commands: commands.map((command) => [`Xr ${name}-${command.name} 1`, command.summary]),
    options: optionsOf(KEXPORT, main),
    sections,
  };
}

function commandSubject(command: Program['commands'][number]): Subject {
  const { name, operands, summary } = command;
  return {
    name: `${KEXPORT.name}-${name}`,
    number: 1,
    summary,
    calls: [call(KEXPORT.name, command, name)],
    operands,
    commands: [],
    options: optionsOf(KEXPORT, command),
    sections: [],
  };
}

/** One page for all of its commands, which take no options. */
function ksnapSubject(): Subject {
  const { name, main, commands, summary } = KSNAP;
  return {
    name,
    number: 8,
    summary,
    calls: [call(name, main), ...commands.map((command) => call(name, command, command.name))],
    operands: [main, ...commands].flatMap(({ operands }) => operands),
    commands: commands.map((command) => [`Cm ${command.name}`, command.summary]),
    options: optionsOf(KSNAP, main),
    sections: [],
  };
}

function pageText(subject: Subject, date: Date): string {
  const { name, number, summary, calls, operands, commands } = subject;
  const text = TEXTS[name];
  if (!text) throw new Error(`no text is written for the manual page ${name}`);
  const purpose = summary.replace(/\.$/, '').replace(/^./, (letter) => letter.toLowerCase());
  const lines = [
    `.Dd ${dayOf(date)}`,
    `.Dt ${name.toUpperCase()} ${number}`,
    '.Os',
    ...section('Name', [`.Nm ${name}`, `.Nd ${purpose}`]),
    ...section('Synopsis', calls),
    ...section('Description', [
      ...paragraphs(text.description),
      ...listed('The operands are:', tagList(operands.map(operandRow))),
      ...listed('The commands are:', tagList(commands)),
    ]),
    ...section('Options', optionLines(subject)),
    ...formatLines(subject),
    ...section('Environment', tagList(environmentRows(text))),
    ...section('Exit status', tagList(exitStatusRows(text))),
    ...section('Examples', exampleLines(text)),
    ...section('See also', seeAlso(subject, text)),
  ];
  return `${lines.join('\n')}\n`;
}

/** A line of a synopsis. */
function call(program: string, { operands }: Command, command?: string): string {
  const words = operands.map((operand) => {
    const word = `Ar ${operand.name}${operand.isRepeated ? ' ...' : ''}`;
    return operand.isOptional ? `.Op ${word}` : `.${word}`;
  });
  const name = command === undefined ? program : `${program} Cm ${command}`;
  return [`.Nm ${name}`, ...words, '.Op Ar OPTION ...'].join('\n');
}

function listed(title: string, lines: readonly string[]): string[] {
  return lines.length > 0 ? ['.Pp', title, ...lines] : [];
}

function operandRow({ name, summary }: Operand): [term: string, text: string] {
  return [`Ar ${name}`, summary];
}

function optionLines({ options }: Subject): string[] {
  const groups = options.filter((group) => group.options.length > 0);
  return groups.flatMap(({ title, options: names }) => [
    ...(groups.length > 1 ? [`.Ss ${title}`] : []),
    ...tagList(names.map((name) => [optionTerm(name), optionText(name)])),
  ]);
}

function optionTerm(name: OptionName): string {
  const { short, placeholder } = ALL[name];
  const forms = [...(short === undefined ? [] : [short, ',']), longForm(name).slice(1)];
  return ['Fl', ...forms, ...(placeholder === undefined ? [] : ['Ar', placeholder])].join(' ');
}

function formatLines({ sections }: Subject): string[] {
  const formats = sections.filter(({ title }) => title.startsWith('Formats'));
  return formats.flatMap(({ title, rows }) => {
    const [, all = ''] = /\(all: (.*)\)/.exec(title) ?? [];
    const intro = textLines(`\`all\` is short for \`${all}\`.`);
    return section('Formats', [
      ...intro,
      ...tagList(rows.map(([term, text = '']) => [`Cm ${term}`, text])),
    ]);
  });
}

function environmentRows({ environment }: PageText): Rows {
  const rows = rowsOf('Environment').filter(([name]) => environment.includes(name));
  return rows.map(([name, text]) => [`Ev ${name}`, text]);
}

function exitStatusRows({ exitStatus = rowsOf('Exit status') }: PageText): Rows {
  const ended = rowsOf('Exit status').slice(-1); // by a signal, which is the same for all
  const rows = new Map([...exitStatus, ...ended]);
  return [...rows].map(([status, text]) => [status.replaceAll(',', ' ,'), text]);
}

/** The rows of a section in the help of kexport. */
function rowsOf(title: string): Rows {
  const found = KEXPORT.sections.find((one) => one.title === title);
  if (!found) throw new Error(`the help of kexport has no section ${title}`);
  return found.rows.map(([term, text = '']) => [term, text]);
}

function exampleLines({ examples }: PageText): string[] {
  return examples.flatMap(([sentence, command], index) => [
    ...(index > 0 ? ['.Pp'] : []),
    ...textLines(sentence),
    ...display(command),
  ]);
}

/** The other pages, by section and name. */
function seeAlso({ name, commands }: Subject, { seeAlso }: PageText): string[] {
  const own = commands.flatMap(([term]) => /^Xr (\S+) (\d)$/.exec(term)?.slice(1).join('.') ?? []);
  const first = name === KEXPORT.name ? [] : [`${KEXPORT.name}.1`];
  const others = seeAlso.map((page) => page.replace(/\((\d)\)$/, '.$1'));
  const pages = [...new Set([...own, ...first, ...others])].map((page) => page.split('.'));
  pages.sort(([a = '', x = ''], [b = '', y = '']) => (x === y ? (a < b ? -1 : 1) : x < y ? -1 : 1));
  return pages.map(([page, number], index) => {
    const comma = index < pages.length - 1 ? ' ,' : '';
    return `.Xr ${page ?? ''} ${number ?? ''}${comma}`;
  });
}

function dayOf(date: Date): string {
  return date.toLocaleDateString('en-US', { dateStyle: 'long', timeZone: 'UTC' });
}
