import { parseSize } from './parse-size.ts';

/** An option of the command line, for parsing and for help. */
export interface Option<T = unknown> {
  /** The letter of its short form. */
  readonly short?: string;
  /**
   * The placeholder of the value in help, such as FILE; undefined for a flag, which has no value.
   */
  readonly placeholder?: string;
  /** What it does, in the imperative. */
  readonly summary: string;
  /** What applies without it, as help shows it. */
  readonly default?: string;
  /** The only values that it accepts. */
  readonly choices?: readonly string[];
  /** Some of the values that it accepts, for completion. */
  readonly suggestions?: readonly string[];
  /** What a value must be, for errors. */
  readonly expects: string;
  /** Whether it can be repeated: its value is then a list, which `parse` makes of one. */
  readonly isList?: boolean;
  /** Parses a value; undefined if the option does not accept the text. */
  readonly parse: (text: string) => T | undefined;
}

type Extra = Pick<Option, 'short' | 'default'>;

const MIB = 2 ** 20;

export function flag(summary: string, extra: Extra = {}): Option<boolean> {
  return { ...extra, summary, expects: 'no value', parse: () => true };
}

export function text(placeholder: string, summary: string, extra: Extra = {}): Option<string> {
  return { ...extra, placeholder, summary, expects: 'a text', parse: (value) => value };
}

/** An option that can be repeated: a list of all its values. */
export function texts(
  placeholder: string,
  summary: string,
  extra: Extra = {},
): Option<readonly string[]> {
  const parse = (value: string) => [value];
  return { ...extra, placeholder, summary, expects: 'a text', isList: true, parse };
}

export function oneOf<const Choice extends string>(
  placeholder: string,
  choices: readonly Choice[],
  summary: string,
  extra: Extra = {},
): Option<Choice> {
  const expects = choices.join(', ').replace(/, ([^,]*)$/, ' or $1');
  const parse = (value: string) => choices.find((choice) => choice === value);
  return { ...extra, placeholder, summary, choices, expects, parse };
}

/** A text of a certain shape, of which some are completed in a shell. */
export function shaped<Value extends string>(
  placeholder: string,
  isValue: (text: string) => text is Value,
  suggestions: readonly Value[],
  summary: string,
  extra: Extra = {},
): Option<Value> {
  const expects = `a name such as ${suggestions[0] ?? ''}`;
  const parse = (value: string) => (isValue(value) ? value : undefined);
  return { ...extra, placeholder, summary, suggestions, expects, parse };
}

export function wholeNumber(
  [low, high]: readonly [low: number, high: number],
  summary: string,
  extra: Extra = {},
): Option<number> {
  const expects = `a whole number from ${low} to ${high}`;
  const parse = (value: string) => {
    const number = /^\d+$/.test(value) ? Number(value) : NaN;
    return number >= low && number <= high ? number : undefined;
  };
  return { ...extra, placeholder: 'N', summary, expects, parse };
}

/** Permissions as chmod takes them, in octal digits. */
export function permissions(summary: string, extra: Extra = {}): Option<number> {
  const expects = 'octal digits such as 0600';
  const parse = (value: string) => (/^0?[0-7]{3}$/.test(value) ? parseInt(value, 8) : undefined);
  return { ...extra, placeholder: 'MODE', summary, expects, parse };
}

/** A number of bytes. */
export function size(summary: string, extra: Extra = {}): Option<number> {
  const expects = 'a size such as 10G or 512M';
  return { ...extra, placeholder: 'SIZE', summary, expects, parse: parseSize };
}

/** A number of MiB. A number without a unit is in MiB. */
export function memory(summary: string, extra: Extra = {}): Option<number> {
  const expects = 'a whole number of MiB, such as 4096 or 4G';
  const parse = (value: string) => {
    const mebibytes = /^\d+$/.test(value) ? Number(value) : (parseSize(value) ?? NaN) / MIB;
    return Number.isInteger(mebibytes) ? mebibytes : undefined;
  };
  return { ...extra, placeholder: 'SIZE', summary, expects, parse };
}
