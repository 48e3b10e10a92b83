import type { Hasher } from '../contract.ts';

/** The longest run of zeros whose digest is computed, in bytes. */
const LONGEST = 2 ** 26;

/** Zeros, and their digest. */
export interface ZeroRun {
  /** In bytes. */
  readonly length: number;
  readonly checksum: string;
}

/**
 * Divides zeros into runs whose digests are computed once: 2^n blocks each, and at the end less
 * than a block.
 */
export function zeroRuns(
  block: number,
  hasher: () => Hasher,
): (length: number) => Generator<ZeroRun> {
  const known = new Map<number, string>();

  return function* (length) {
    let left = length;
    for (let size = LONGEST; left > 0; size = size > block ? size / 2 : left) {
      for (; left >= size; left -= size) yield { length: size, checksum: checksumOf(size) };
    }
  };

  function checksumOf(size: number): string {
    const found = known.get(size) ?? digest(size);
    known.set(size, found);
    return found;
  }

  function digest(size: number): string {
    const hash = hasher();
    const zeros = new Uint8Array(Math.min(size, 2 ** 20));
    for (let left = size; left > 0; left -= zeros.length) hash.update(zeros.subarray(0, left));
    return hash.digest();
  }
}
