// Sizes of the parts of a multipart upload. S3 takes 10,000 parts of 5 MiB to 5 GiB, the last one
// smaller, and objects up to 48.8 TiB ("Amazon S3 multipart upload limits").

import { KexportError, option, wording } from '../../errors.ts';

const MIB = 2 ** 20;

const MAX_PARTS = 10_000;

/** The smallest part, in bytes: each costs a request. */
const SMALLEST = 8 * MIB;

/** The largest, which is in memory: Node neither hashes nor sends 2 GiB at once. */
const LARGEST = 1024 * MIB;

/** Parts of one size, if the length of the object is not known. */
const STEP = 1000;

/** The size of a part in bytes, by its number from 1 on. Throws a KexportError after the last. */
export type PartSizes = (partNumber: number) => number;

/**
 * With `maxLength`, all parts have one size, and 10,000 hold that length, or 9.7 TiB. Without, the
 * size doubles every 1000 parts, which reach 3.8 TiB.
 */
export function partSizes(maxLength: number | undefined): PartSizes {
  const least = Math.ceil((maxLength ?? 0) / MAX_PARTS / MIB) * MIB;
  const size = Math.min(Math.max(SMALLEST, least), LARGEST);
  return (partNumber) => {
    if (partNumber > MAX_PARTS) throw tooLong(maxLength !== undefined);
    if (maxLength !== undefined) return size;
    return Math.min(size * 2 ** Math.floor((partNumber - 1) / STEP), LARGEST);
  };
}

function tooLong(isKnown: boolean): KexportError {
  const what = 'the image is too long for S3, which takes 10,000 parts';
  return isKnown
    ? new KexportError('unsupported', `${what}: 9.7 TiB`)
    : new KexportError('unsupported', `${what}: 3.8 TiB where its length is not known before`, {
        hint: wording`give the size of the disk with ${option('size')}`,
      });
}
