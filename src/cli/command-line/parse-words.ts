import { parseArgs } from 'node:util';
import { KexportError } from '../../errors.ts';
import { longForm, type OptionName, type Options, OPTIONS } from '../options/options.ts';
import type { Option } from '../options/option.ts';
import { mostSimilar } from './most-similar.ts';
import { OPTIONS_OF_QEMU_IMG } from './of-qemu-img.ts';

/** The words of a command line, divided into operands and options. */
export interface Words {
  /** The words that are not options, in their order. */
  readonly operands: readonly string[];
  /** How many of them stand before `--`. */
  readonly beforeDashes: number;
  readonly given: readonly GivenOption[];
}

/** An option that was given. */
export interface GivenOption {
  readonly name: OptionName;
  /** As it was typed: `-o`. */
  readonly typed: string;
  /** The text of its value; undefined for a flag. */
  readonly text: string | undefined;
}

const ALL: Readonly<Record<OptionName, Option>> = OPTIONS;
const NAMES = Object.keys(OPTIONS) as OptionName[];
const BY_FORM = new Map(NAMES.map((name) => [longForm(name).slice(2), name]));

const PARSER_OPTIONS = Object.fromEntries(
  [...BY_FORM].map(([form, name]) => {
    const { short, placeholder } = ALL[name];
    const type = placeholder === undefined ? ('boolean' as const) : ('string' as const);
    return [form, { type, ...(short !== undefined && { short }) }];
  }),
);

/**
 * Separates options from operands, wherever they stand. Throws a KexportError for an option that no
 * command has.
 */
export function splitWords(words: readonly string[]): Words {
  const { tokens } = parseArgs({
    args: [...words],
    options: PARSER_OPTIONS,
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  const dashes = tokens.find(({ kind }) => kind === 'option-terminator')?.index ?? Infinity;
  const positionals = tokens.filter((token) => token.kind === 'positional');
  return {
    operands: positionals.map(({ value }) => value),
    beforeDashes: positionals.filter(({ index }) => index < dashes).length,
    given: tokens.filter((token) => token.kind === 'option').map(givenOption),
  };
}

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value: string | undefined;
  readonly inlineValue: boolean | undefined;
}

function givenOption({ name: form, rawName: typed, value, inlineValue }: OptionToken): GivenOption {
  const name = BY_FORM.get(form);
  if (name === undefined) throw unknownOption(typed);
  const { placeholder } = ALL[name];
  if (placeholder === undefined) {
    if (!inlineValue) return { name, typed, text: undefined };
    throw new KexportError('usage', `${typed} takes no value, but "${value ?? ''}" is given`);
  }
  if (value === undefined || value === '') {
    throw new KexportError('usage', `${typed} needs a value: ${placeholder}`);
  }
  if (inlineValue || !/^-./.test(value)) return { name, typed, text: value };
  throw new KexportError('usage', `${typed} needs a value before ${value}: ${placeholder}`, {
    hint: `write ${longForm(name)}=${value} if that is the value`,
  });
}

function unknownOption(typed: string): KexportError {
  const similar = mostSimilar(typed, NAMES.map(longForm));
  const meant = similar === undefined ? 'see --help-all' : `did you mean ${similar}?`;
  const hint = OPTIONS_OF_QEMU_IMG.get(typed) ?? meant;
  return new KexportError('usage', `unknown option ${typed}`, { hint });
}

/**
 * The values of the options that were given: of one that was repeated the last, or all as a list.
 * Throws a KexportError.
 */
export function parseOptions(given: readonly GivenOption[]): Options {
  const values = new Map<OptionName, unknown>();
  for (const { name, typed, text = '' } of given) {
    const { parse, expects, isList } = ALL[name];
    const value = parse(text);
    if (value === undefined) {
      throw new KexportError('usage', `${typed}: "${text}" is not ${expects}`);
    }
    const before = isList ? values.get(name) : undefined;
    values.set(name, before === undefined ? value : [before, value].flat());
  }
  return Object.fromEntries(values); // each by the parser of its name
}
