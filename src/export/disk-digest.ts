import { createHash } from 'node:crypto';
import { BLOCK_SIZE } from '../../formats/index.ts';

/**
 * A digest of a disk that is the same whether zeros are holes or not, and whatever zeros follow its end: SHA-256 over the
 * blocks that are not zero, each after its index. Blocks ascend.
 */
export interface DiskDigest {
  /** Adds a block of BLOCK_SIZE bytes that is not all zeros. */
  add(index: number, block: Uint8Array): void;
  /** Adds what is not zero of a stretch; both numbers in bytes, multiples of BLOCK_SIZE. */
  addStretch(diskOffset: number, bytes: Buffer): void;
  /** Lower-case hexadecimal. Called once. */
  result(): string;
}

const ZERO_BLOCK = Buffer.alloc(BLOCK_SIZE);

export function diskDigest(): DiskDigest {
  const hash = createHash('sha256');
  const head = Buffer.alloc(8);
  const add = (index: number, block: Uint8Array) => {
    head.writeDoubleLE(index);
    hash.update(head).update(block);
  };
  return {
    add,
    addStretch(diskOffset, bytes) {
      for (let at = 0; at < bytes.length; at += BLOCK_SIZE) {
        const block = bytes.subarray(at, at + BLOCK_SIZE);
        if (!block.equals(ZERO_BLOCK)) add((diskOffset + at) / BLOCK_SIZE, block);
      }
    },
    result: () => hash.digest('hex'),
  };
}
