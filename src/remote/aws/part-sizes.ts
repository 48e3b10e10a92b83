// Sizes of the parts of a multipart upload. S3 takes 10,000 parts of 5 MiB to 5 GiB, the last one
// smaller, and objects up to 48.8 TiB ("Amazon S3 multipart upload limits").

import { KexportError } from '../../errors.ts';

const MIB = 2 ** 20;

const MAX_PARTS = 10_000;

/** The smallest part, in bytes: each costs a request. */
const SMALLEST = 8 * MIB;

/** Parts of one size, if the length of the object is not known. */
const STEP = 1000;

/** The size of a part in bytes, by its number from 1 on. Throws a KexportError after the last. */
export type PartSizes = (partNumber: number) => number;

/**
 * With `maxLength`, all parts have one size, and 10,000 hold that length. Without, the size doubles
 * every 1000 parts, which reach 7.8 TiB.
 */
export function partSizes(maxLength: number | undefined): PartSizes {
  const size = Math.max(SMALLEST, Math.ceil((maxLength ?? 0) / MAX_PARTS / MIB) * MIB);
  return (partNumber) => {
    if (partNumber > MAX_PARTS) throw tooLong();
    return maxLength === undefined ? size * 2 ** Math.floor((partNumber - 1) / STEP) : size;
  };
}

function tooLong(): KexportError {
  const what = 'S3 takes 10,000 parts, which hold 7.8 TiB of an image whose length is not known';
  return new KexportError('unsupported', what, { hint: 'give the size of the disk with --size' });
}
