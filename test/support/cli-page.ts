// docs/cli.md, made from the definitions that the command itself parses and helps by.

import { callOf, formOf, optionsOf, optionText } from '../../src/cli/command-line/help.ts';
import type { Command, Program, Section } from '../../src/cli/command-line/program.ts';

/** Sections of a help that are not about one command. */
const WHOLE_SECTIONS = ['Exit status', 'Environment'];

/** The page of every command and option of some programs. */
export function cliPage(programs: readonly Program[]): string {
  const parts = programs.flatMap((program) => [
    ...commandParts(program.name, program.main),
    ...program.commands.flatMap((command) =>
      commandParts(`${program.name} ${command.name}`, command),
    ),
    ...helpParts(program),
    ...program.sections.filter(({ title }) => WHOLE_SECTIONS.includes(title)).map(sectionPart),
  ]);
  return ['# Every command and option', ...parts].join('\n\n') + '\n';
}

function commandParts(name: string, command: Command): string[] {
  const { summary, operands, options } = command;
  return [
    `## ${name}`,
    summary,
    `\`\`\`text\n${callOf(name, command)}\n\`\`\``,
    ...(operands.length === 0
      ? []
      : [list(operands.map((operand) => [operand.name, operand.summary]))]),
    ...options
      .filter((group) => group.options.length > 0)
      .flatMap((group) => [
        ...(options.length > 1 ? [`### ${group.title}`] : []),
        list(group.options.map((option) => [formOf(option), optionText(option)])),
      ]),
  ];
}

/** The options that are not among those of a command, and the topics. */
function helpParts(program: Program): string[] {
  const { name, main, topics } = program;
  const own = new Set(main.options);
  const options = optionsOf(program, main)
    .filter((group) => !own.has(group))
    .flatMap((group) => group.options);
  return [
    `## Help of ${name}`,
    list(options.map((option) => [formOf(option), optionText(option)])),
    ...(topics.length === 0
      ? []
      : [list(topics.map((topic) => [`${name} help ${topic.name}`, topic.summary]))]),
  ];
}

function sectionPart({ title, rows }: Section): string {
  return `## ${title}\n\n${list(rows.map(([term, text = '']) => [term, text]))}`;
}

function list(rows: readonly (readonly [term: string, text: string])[]): string {
  return rows.map(([term, text]) => `- \`${term}\`: ${text}`).join('\n');
}
