import { host } from '#host';

/**
 * A digest of a disk that does not depend on which zeros are holes, nor on zeros that follow its
 * end: SHA-256 over the blocks that are not zero, each after its index. Blocks must ascend.
 */
export interface DiskDigest {
  /** Adds a block of BLOCK_SIZE bytes that is not all zeros. */
  add(index: number, block: Uint8Array): void;
  /** Lower-case hexadecimal. Call it once. */
  result(): string;
}

export function diskDigest(): DiskDigest {
  const hash = host.hasher('sha256');
  const head = new Uint8Array(8);
  const view = new DataView(head.buffer);
  return {
    add(index, block) {
      view.setFloat64(0, index, true);
      hash.update(head);
      hash.update(block);
    },
    result: () => hash.digest(),
  };
}
