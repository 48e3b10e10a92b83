import type { OptionName, Options } from '../options/options.ts';

/** A program of the package. Its parsing, its errors and its help are made of this. */
export interface Program {
  readonly name: string;
  readonly summary: string;
  /** What it does if no word names a command. */
  readonly main: Command;
  /** In the order of help. */
  readonly commands: readonly NamedCommand[];
  /** What its help has besides, at the end. */
  readonly sections: readonly Section[];
}

/** A part of a help text. */
export interface Section {
  readonly title: string;
  /** A term with what it means, or a line of its own. */
  readonly rows: readonly (readonly [term: string, text?: string])[];
}

/** What a program does, by one of its commands or without. */
export interface Command {
  readonly summary: string;
  readonly operands: readonly Operand[];
  /** What it accepts besides --help, in the order of help. */
  readonly options: readonly OptionGroup[];
  /** What its help shows of them, if not all. */
  readonly commonOptions?: ReadonlySet<OptionName>;
  /** Loads what carries it out, which help and errors of usage do not need. */
  readonly load: () => Promise<{ readonly run: Run }>;
  /** What an error says of words that are too many, besides the usage. */
  readonly excessHint?: string;
}

/** A command that a word calls: `kexport NAME ...`. */
export interface NamedCommand extends Command {
  readonly name: string;
}

/** A word that is not an option. */
export interface Operand {
  /** As help and errors call it: FORMATS. */
  readonly name: string;
  readonly summary: string;
  readonly isOptional?: boolean;
  /** Whether there may be several; only of the last one. */
  readonly isRepeated?: boolean;
}

export interface OptionGroup {
  readonly title: string;
  readonly options: readonly OptionName[];
}

/**
 * Carries out a command of a program and returns the exit status. Every operand that is not
 * optional is there. Throws a KexportError.
 */
export type Run = (
  operands: readonly string[],
  options: Options,
  program: Program,
) => Promise<number>;

/** A group of what a command accepts where there are too few options to divide. */
export function only(...options: readonly OptionName[]): readonly OptionGroup[] {
  return [{ title: 'Options', options }];
}
