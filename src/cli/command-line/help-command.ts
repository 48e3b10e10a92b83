import { KexportError } from '../../errors.ts';
import { commandHelp, programHelp, topicHelp } from './help.ts';
import { mostSimilar } from './most-similar.ts';
import { print } from './print.ts';
import { type NamedCommand, only, type Program, type Run } from './program.ts';

/** A command of every program: `kexport help info` is `kexport info --help`. */
export const HELP: NamedCommand = {
  name: 'help',
  summary: 'Show the help of a command, or on a topic.',
  operands: [{ name: 'TOPIC', summary: 'a command or a topic', isOptional: true }],
  options: only(),
  load: () => Promise.resolve({ run }),
};

const run: Run = async ([name], _, program) => {
  await print(name === undefined ? programHelp(program, false) : helpOn(name, program));
  return 0;
};

function helpOn(name: string, program: Program): string {
  const { commands, topics } = program;
  const command = commands.find((one) => one.name === name);
  if (command) return commandHelp(program, command);
  const topic = topics.find((one) => one.name === name);
  if (topic) return topicHelp(program, topic);
  const names = [...commands, ...topics].map((one) => one.name);
  const similar = mostSimilar(name, names);
  const hint =
    similar === undefined ? `give one of ${names.join(', ')}` : `did you mean ${similar}?`;
  throw new KexportError('usage', `there is no help on "${name}"`, { hint });
}
