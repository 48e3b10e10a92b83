import type { Option } from 'commander';
import { type CommandEntry, COMMANDS } from './commands.ts';
import { OPTION_GROUPS } from './options.ts';

/** A command and the words for it. */
export interface FoundCommand {
  readonly entry: CommandEntry;
  readonly words: readonly string[];
}

/** These tell of the whole program, whatever command comes after. */
const OF_PROGRAM = ['--version', '-V', '--help-all'];

const OPTIONS = OPTION_GROUPS.flatMap(([, options]) => options);

/**
 * The command that the words name: the first that is neither an option nor the value of one. Options before it are its own, as
 * those after it. Undefined for an export.
 */
export function findCommand(words: readonly string[]): FoundCommand | undefined {
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (OF_PROGRAM.includes(word) || word === '--') return undefined;
    if (!word.startsWith('-') || word === '-') {
      const entry = commandNamed(word);
      return entry && { entry, words: words.toSpliced(i, 1) };
    }
    const option = OPTIONS.find(({ short, long }) => word === short || word === long);
    if (option && takesNext(option, words[i + 1])) i++;
  }
  return undefined;
}

/** A value that need not be there is not there before the name of a command. */
function takesNext({ required, optional }: Option, next: string | undefined): boolean {
  return required || (optional && next !== undefined && !commandNamed(next));
}

function commandNamed(name: string): CommandEntry | undefined {
  return COMMANDS.find((entry) => entry.name === name);
}
