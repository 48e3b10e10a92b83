// Damages images: numbers at known places get values that often cause faults, with valid checksums,
// since a reader would otherwise stop at those; bytes are changed, moved and removed.

import type { Place } from './place.ts';
import type { Random } from './random.ts';
import type { Scratch } from './scratch.ts';

/** Changes an image. */
export type Mutation = (image: Scratch, random: Random) => void;

/** Of changes to an input, the most. */
const MAX_CHANGES = 4;

/** Makes one to four of these changes, of places more often than of other bytes. */
export function mutate(image: Scratch, changes: readonly Mutation[], random: Random): void {
  for (let count = 1 + random.below(MAX_CHANGES); count > 0; count--) {
    random.pick(random.below(4) > 0 && changes.length > 0 ? changes : ANYWHERE)(image, random);
  }
}

/** Changes the number at one of these places. */
export function numberAt(places: readonly Place[]): Mutation {
  return (image, random) => {
    const { at, width, order, values, copies, seal } = random.pick(places);
    const offset = at(image.bytes, random);
    if (offset === undefined || !isWithin(image.bytes, offset, width)) return;
    const other = at(image.bytes, random) ?? offset;
    const value = changed(readNumber(image.bytes, offset, width, order), random, {
      other: isWithin(image.bytes, other, width)
        ? readNumber(image.bytes, other, width, order)
        : 0n,
      size: image.bytes.length,
      values,
    });
    for (const each of [offset, ...(copies?.(image.bytes, offset) ?? [])]) {
      if (isWithin(image.bytes, each, width)) writeNumber(image, each, { width, order, value });
    }
    seal?.(image, offset);
  };
}

function isWithin(image: Buffer, offset: number, width: number): boolean {
  return Number.isSafeInteger(offset) && offset >= 0 && offset + width <= image.length;
}

function readNumber(image: Buffer, offset: number, width: number, order: Place['order']): bigint {
  const bytes = image.toString('hex', offset, offset + width);
  const text = order === 'big' ? bytes : (bytes.match(/../g) ?? []).reverse().join('');
  return BigInt(`0x${text}`);
}

function writeNumber(
  image: Scratch,
  offset: number,
  { width, order, value }: Pick<Place, 'width' | 'order'> & { readonly value: bigint },
): void {
  const bytes = image.edit(offset, width);
  bytes.write(
    BigInt.asUintN(8 * width, value)
      .toString(16)
      .padStart(2 * width, '0'),
    'hex',
  );
  if (order === 'little') bytes.reverse();
}

interface Known {
  /** What stands at another such place. */
  readonly other: bigint;
  /** Of the image. */
  readonly size: number;
  readonly values: Place['values'];
}

/** Another value for a number. */
function changed(old: bigint, random: Random, { other, size, values }: Known): bigint {
  const near = BigInt(random.below(3) - 1);
  const kinds = [
    () => random.pick([0n, 1n, 2n ** 64n - 1n, 2n ** 64n - 2n]),
    () => 2n ** BigInt(random.below(65)) + near,
    () => BigInt(Math.floor(random.pick([size, size / 512, size - 512, size / 2]))) + near,
    () => old + near * random.pick([1n, 2n, 8n, 512n, 4096n, 65_536n]),
    () => old ^ (1n << BigInt(random.below(64))),
    () => other,
    () => BigInt(random.below(4096)),
    () => random.bits(),
    () => random.pick(values ?? [old * 2n]),
    () => random.pick(values ?? [old / 2n]),
  ];
  return random.pick(kinds)();
}

/** More often where tables and headers lie than in the data. */
function somewhere(image: Buffer, random: Random): number {
  const { length } = image;
  const head = Math.min(length, 8192);
  return random.pick([
    () => random.below(head),
    () => random.below(length),
    () => length - 1 - random.below(Math.min(length, 4096)),
  ])();
}

const ANYWHERE: readonly Mutation[] = [bytes, entry, cut, block];

function bytes(image: Scratch, random: Random): void {
  for (let count = 1 + random.below(8); count > 0 && image.bytes.length > 0; count--) {
    image.edit(somewhere(image.bytes, random), 1).fill(random.below(256));
  }
}

/** Replaces an entry of any table: an aligned number of 4 or 8 bytes, in either byte order. */
function entry(image: Scratch, random: Random): void {
  const width = random.pick([4, 8] as const);
  const aligned = (from: Buffer) => Math.floor(somewhere(from, random) / width) * width;
  numberAt([{ at: aligned, width, order: random.pick(['big', 'little']) }])(image, random);
}

function cut(image: Scratch, random: Random): void {
  image.cut(random.below(image.bytes.length + 1));
}

/** Copies bytes over others, so that tables name each other and data are taken for a table. */
function block(image: Scratch, random: Random): void {
  const length = random.pick([4, 8, 512, 65_536]);
  const from = somewhere(image.bytes, random);
  const copy = Buffer.from(image.bytes.subarray(from, from + length));
  copy.copy(image.edit(somewhere(image.bytes, random), copy.length));
}

/** Text that means something in descriptors of any kind, or to a reader of text. */
export const ODD_TEXT: readonly string[] = [
  '',
  '.',
  '..',
  '/',
  '../x',
  '/etc/passwd',
  './x',
  '0',
  '-1',
  '1e99',
  '0x10',
  '99999999999999999999',
  '"',
  '=',
  '\n',
  '\r\n\t',
  '\0',
  '\x1b[2J',
  '\xff\xfe',
  'x'.repeat(300),
  ' '.repeat(3000),
  'x=1 '.repeat(500),
];

/**
 * Changes a text: a value in quotes, a word, or anything. `words` are some that its reader knows.
 */
export function changedText(text: string, random: Random, words: readonly string[]): string {
  const at = random.below(text.length + 1);
  const [before, after] = [text.slice(0, at), text.slice(at)];
  const length = random.below(300);
  const number = () => String(2n ** BigInt(random.below(65)) + BigInt(random.below(3) - 1));
  const value = random.pick([
    () => random.pick(words),
    () => random.pick(ODD_TEXT),
    number,
    () => String(random.below(4096)),
  ])();
  return random.pick([
    () => before + after.replace(/"[^"]*"/, () => `"${value}"`),
    () => before + after.replace(/<(\/?)[\w:]+/, (_, slash: string) => `<${slash}${value}`),
    () => before + after.replace(/[\w.]+/, () => value),
    () => before + value + after,
    () => before + after.slice(length),
    () => before + after.slice(0, length).repeat(1 + (length % 40)) + after,
  ])();
}
