// Where an image has numbers: tables of the fields of each struct, and of the entries of tables.

import type { Random } from './random.ts';
import type { Scratch } from './scratch.ts';

/** Repairs the checksums that a change at an offset has made wrong. */
export type Seal = (image: Scratch, offset: number) => void;

/** Finds one of such places in an image, whatever is damaged in it; undefined if it has none. */
export type At = (image: Buffer, random: Random) => number | undefined;

/** A number in an image. */
export interface Place {
  readonly at: At;
  /** In bytes. */
  readonly width: 1 | 2 | 4 | 8;
  readonly order: 'big' | 'little';
  /** Values that mean something there, beside those that any number is given. */
  readonly values?: readonly bigint[] | undefined;
  /** Where else the same number stands. */
  readonly copies?: ((image: Buffer, offset: number) => readonly number[]) | undefined;
  /** Undefined where there is no checksum. */
  readonly seal?: Seal | undefined;
}

/** What fields of a struct have in common. */
export type Common = Omit<Place, 'width' | 'order' | 'values'>;

/** A struct of any layout. */
interface AnyStruct {
  readonly size: number;
  encode(values: Record<string, unknown>): Uint8Array;
  decode(bytes: Uint8Array): Record<string, unknown>;
}

/** A place for each number in a declared struct; `values` by the names of fields. */
export function fieldsOf(
  declared: unknown,
  { at, copies, seal }: Common,
  values: Readonly<Record<string, readonly bigint[]>> = {},
): Place[] {
  const struct = declared as AnyStruct;
  const zeros = struct.decode(new Uint8Array(struct.size));
  return Object.entries(zeros).flatMap(([name, zero]) => {
    if (typeof zero !== 'number' && typeof zero !== 'bigint') return [];
    if (Number.isNaN(zero)) return []; // octal digits
    const { offset, width, order } = fieldIn(struct, zeros, name);
    const within: At = (image, random) => {
      const start = at(image, random);
      return start === undefined ? undefined : start + offset;
    };
    return {
      at: within,
      width,
      order,
      values: values[name],
      copies: copies && ((image, found) => copies(image, found - offset).map((x) => x + offset)),
      seal: seal && ((image, found) => seal(image, found - offset)),
    };
  });
}

/** Where a number lies in a struct, found by encoding it. */
function fieldIn(struct: AnyStruct, zeros: Record<string, unknown>, name: string) {
  const wide = typeof zeros[name] === 'bigint';
  const encoded = (value: bigint) =>
    Buffer.from(struct.encode({ ...zeros, [name]: wide ? value : Number(value) }));
  const all = encoded(wide ? 2n ** 64n - 1n : 2n ** 32n - 1n);
  const offset = all.indexOf(0xff);
  const width = (all.lastIndexOf(0xff) - offset + 1) as Place['width'];
  const order: Place['order'] = encoded(1n)[offset] === 1 ? 'little' : 'big';
  return { offset, width, order };
}

/** Always the same place. */
export function fixed(offset: number): At {
  return () => offset;
}

/** A place at an offset from the end of the image. */
export function fromEnd(offset: number): At {
  return (image) => image.length - offset;
}

/** One of several. */
export function oneOf(...places: readonly At[]): At {
  return (image, random) => random.pick(places)(image, random);
}

/** An entry of the table that begins at `start`; more often one of the first eight. */
export function entryOf(
  table: (
    image: Buffer,
    random: Random,
  ) => { readonly start: number; readonly count: number } | undefined,
  size: number,
): At {
  return (image, random) => {
    const found = table(image, random);
    if (!found || !(found.count > 0) || !(found.start < image.length)) return undefined;
    const count = Math.min(found.count, Math.floor((image.length - found.start) / size));
    return found.start + size * random.below(random.below(2) === 0 ? Math.min(8, count) : count);
  };
}
