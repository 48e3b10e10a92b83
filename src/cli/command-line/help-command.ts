import { KexportError } from '../../errors.ts';
import { commandHelp, programHelp } from './help.ts';
import { mostSimilar } from './most-similar.ts';
import { print } from './print.ts';
import { type NamedCommand, only, type Run } from './program.ts';

/** A command of every program: `kexport help info` is `kexport info --help`. */
export const HELP: NamedCommand = {
  name: 'help',
  summary: 'Show the help of a command.',
  operands: [{ name: 'COMMAND', summary: 'a command (default: the program)', isOptional: true }],
  options: only(),
  load: () => Promise.resolve({ run }),
};

const run: Run = async ([name], _, program) => {
  const { commands } = program;
  const command = commands.find((one) => one.name === name);
  if (name !== undefined && !command)
    throw noHelp(
      name,
      commands.map((one) => one.name),
    );
  await print(command ? commandHelp(program, command) : programHelp(program, false));
  return 0;
};

function noHelp(name: string, names: readonly string[]): KexportError {
  const similar = mostSimilar(name, names);
  const hint =
    similar === undefined ? `give one of ${names.join(', ')}` : `did you mean ${similar}?`;
  return new KexportError('usage', `there is no help on "${name}"`, { hint });
}
