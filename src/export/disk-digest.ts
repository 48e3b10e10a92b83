import { host } from '#host';

/**
 * A digest of a disk that does not depend on which zeros are holes, nor on zeros that follow its
 * end: SHA-256 over a line for each block that is not zero, with its index and its own SHA-256. So
 * the blocks can be hashed by several threads. They must ascend.
 */
export interface DiskDigest {
  /**
   * Adds blocks that are not all zeros: `places` are their indexes, counted from the block
   * `first` of the disk, and `hashes` what `blockHash` returned for them.
   */
  add(first: number, places: readonly number[], hashes: readonly string[]): void;
  /** Lower-case hexadecimal. Call it once. */
  result(): string;
}

export function diskDigest(): DiskDigest {
  const hash = host.hasher('sha256');
  const encoder = new TextEncoder();
  return {
    add(first, places, hashes) {
      if (hashes.length !== places.length) throw new Error('blocks that were not hashed');
      const lines = places.map((place, index) => `${first + place} ${hashes[index] ?? ''}\n`);
      hash.update(encoder.encode(lines.join('')));
    },
    result: () => hash.digest(),
  };
}
