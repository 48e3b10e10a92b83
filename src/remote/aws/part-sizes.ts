// Sizes of the parts of a multipart upload. S3 takes 10,000 parts of 5 MiB to 5 GiB, the last one
// smaller, and objects up to 48.8 TiB ("Amazon S3 multipart upload limits").

const MIB = 2 ** 20;

const MAX_PARTS = 10_000;

/** The smallest part, in bytes: each costs a request. */
const SMALLEST = 8 * MIB;

/** Parts of one size, if the length of the object is not known. */
const STEP = 1000;

/**
 * The size of each part in bytes, by its number from 1 on. With `maxLength`, all have one size, and
 * 10,000 hold that length. Without, the size doubles every 1000 parts, which reach 7.9 TiB.
 */
export function partSizes(maxLength: number | undefined): (partNumber: number) => number {
  if (maxLength === undefined) {
    return (partNumber) => SMALLEST * 2 ** Math.floor((partNumber - 1) / STEP);
  }
  const size = Math.max(SMALLEST, Math.ceil(maxLength / MAX_PARTS / MIB) * MIB);
  return () => size;
}
