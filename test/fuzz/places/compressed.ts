// The numbers in compressed disks: a gzip file, frames of Zstandard, a zip archive, a tar in gzip.

import { gunzipSync, gzipSync } from 'node:zlib';
import * as gzip from '../../../formats/gzip/layout.ts';
import type { Mutation } from '../mutations.ts';
import { type At, fieldsOf, fixed, fromEnd, type Place } from '../place.ts';
import { scratchOf } from '../scratch.ts';
import { TAR_CHANGES, tarMutation } from './tar.ts';

const number = (at: At, width: Place['width'], values?: Place['values']): Place => ({
  at,
  width,
  order: 'little',
  values,
});

/** RFC 1952: header and trailer of the first and the last member, and the first deflate block. */
export const GZIP_PLACES: readonly Place[] = [
  ...fieldsOf(gzip.header, { at: fixed(0) }, { flags: [0n, 1n, 2n, 4n, 8n, 16n, 31n, 0xe0n] }),
  ...fieldsOf(gzip.trailer, { at: fromEnd(gzip.trailer.size) }),
  ...[10, 11, 12, 14].map((at) => number(fixed(at), 2)),
];

/** RFC 8878, section 3.1: frames, found by their magic number. */
export const ZSTD_PLACES: readonly Place[] = [
  number(frame(0), 4, [0xfd2f_b528n, 0x184d_2a50n, 0x184d_2a5fn]),
  ...Array<Place>(3).fill(number(frame(4), 1, [0n, 0x20n, 0x40n, 0x80n, 0xa0n, 0xc0n, 4n, 3n])),
  ...[5, 6, 7, 8, 9].map((at) => number(frame(at), 1, [0n, 0xffn])),
  ...[6, 9, 13].map((at) => number(frame(at), 4)),
];

function frame(offset: number): At {
  return (image, random) => {
    const from = random.below(2) === 0 ? 0 : random.below(image.length + 1);
    const at = image.indexOf(Buffer.of(0x28, 0xb5, 0x2f, 0xfd), from);
    return (at === -1 ? 0 : at) + offset;
  };
}

const LOCAL = 'PK\x03\x04';
const CENTRAL = 'PK\x01\x02';
const END64 = 'PK\x06\x06';
const LOCATOR = 'PK\x06\x07';
const END = 'PK\x05\x06';

/** PKWARE, APPNOTE.TXT 4.3: for each record the offsets and widths of its numbers. */
const ZIP_FIELDS: readonly (readonly [magic: string, fields: readonly (readonly [number, Place['width']])[]])[] =
  [
    [LOCAL, [[6, 2], [8, 2], [14, 4], [18, 4], [22, 4], [26, 2], [28, 2]]],
    [CENTRAL, [[8, 2], [10, 2], [16, 4], [20, 4], [24, 4], [28, 2], [30, 2], [42, 4], [46, 4]]],
    [END64, [[4, 8], [24, 8], [32, 8], [40, 8], [48, 8]]],
    [LOCATOR, [[4, 4], [8, 8], [16, 4]]],
    [END, [[4, 2], [8, 2], [10, 2], [12, 4], [16, 4], [20, 2]]],
  ]; // prettier-ignore

export const ZIP_PLACES: readonly Place[] = ZIP_FIELDS.flatMap(([magic, fields]) =>
  fields.map(([offset, width]) =>
    number(
      (image) => {
        const at = image.lastIndexOf(magic, undefined, 'latin1');
        return at === -1 ? undefined : at + offset;
      },
      width,
      [0n, 1n, 8n, 0xffffn, 0xffff_ffffn],
    ),
  ),
);

/** Damages the tar in a gzip file. */
export const TAR_IN_GZIP: Mutation = (image, random) => {
  let tar: Buffer;
  try {
    tar = gunzipSync(image.bytes);
  } catch {
    return; // it is damaged already
  }
  const inner = scratchOf(tar);
  tarMutation(TAR_CHANGES)(inner, random);
  image.replace(gzipSync(inner.bytes, { level: 1 }));
};
