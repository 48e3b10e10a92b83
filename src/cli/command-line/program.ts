import type { OptionName, Options } from '../options/options.ts';

/** A program of the package, for its parsing, its errors and its help. */
export interface Program {
  readonly name: string;
  readonly summary: string;
  /** The command to run if no word names one. */
  readonly main: Command;
  /** In the order of help. */
  readonly commands: readonly NamedCommand[];
  /** What `help` explains besides commands. */
  readonly topics: readonly Topic[];
  /** Further sections at the end of its help; with `main.commonOptions`, of --help-all. */
  readonly sections: readonly Section[];
  /** Lines at the end of the short help that a program with `main.commonOptions` has. */
  readonly footer?: readonly string[];
}

/** Options and more that one kind of use needs: `kexport help NAME`. */
export interface Topic {
  readonly name: string;
  readonly summary: string;
  /** Titles of the groups of options of the main command that belong to it. */
  readonly groups: readonly string[];
  readonly sections: readonly Section[];
}

/** A part of a help text. */
export interface Section {
  readonly title: string;
  /** A term with its meaning, or a line of its own. */
  readonly rows: readonly (readonly [term: string, text?: string])[];
}

/** One action of a program: a command, or what it does without one. */
export interface Command {
  readonly summary: string;
  readonly operands: readonly Operand[];
  /** The options that it accepts besides --help, in the order of help. */
  readonly options: readonly OptionGroup[];
  /** The options that the short help shows; undefined if help shows all. */
  readonly commonOptions?: ReadonlySet<OptionName>;
  /** Loads its implementation, which help and errors of usage do not need. */
  readonly load: () => Promise<{ readonly run: Run }>;
  /** A hint for too many operands, besides the usage. */
  readonly excessHint?: string;
}

/** A command that a word calls: `kexport NAME ...`. */
export interface NamedCommand extends Command {
  readonly name: string;
  /** Left out of the help that fits a screen. */
  readonly isRare?: boolean;
}

/** A word that is not an option. */
export interface Operand {
  /** Its name in help and errors: FORMATS. */
  readonly name: string;
  readonly summary: string;
  readonly isOptional?: boolean;
  /** Whether it may be repeated; one of a command may, and what follows it must be optional. */
  readonly isRepeated?: boolean;
}

export interface OptionGroup {
  readonly title: string;
  readonly options: readonly OptionName[];
}

/**
 * Runs a command of a program and returns the exit status. All operands that are not optional are
 * given. Throws a KexportError.
 */
export type Run = (
  operands: readonly string[],
  options: Options,
  program: Program,
) => Promise<number>;

/** The only group of options of a command that has too few to divide. */
export function only(...options: readonly OptionName[]): readonly OptionGroup[] {
  return [{ title: 'Options', options }];
}
