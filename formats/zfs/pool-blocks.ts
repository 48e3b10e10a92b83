// Reads blocks of a pool's metadata by their pointers: finds, verifies and decompresses them.

import { damaged, unsupported } from './faults.ts';
import { isChecksum, type RunningChecksum } from '../zfs-send/fletcher4.ts';
import { decompressBlock, type Decompressors } from '../zfs-send/decompress-block.ts';
import { type BlockCopy, type BlockPointer, decodePointer } from './decode-pointer.ts';

/** The devices of a pool. */
export interface PoolMedia {
  /** Number of devices that have a copy of a top-level vdev; 0 if it is not present. */
  sideCount(vdev: number): number;
  /**
   * Exactly `length` bytes of such a device, from an offset in its allocatable space. Rejects with
   * a FormatError if it ends before.
   */
  read(vdev: number, side: number, offset: number, length: number): Promise<Uint8Array>;
}

/** The tools to read blocks with. */
export interface PoolTools {
  /** The devices. */
  readonly media: PoolMedia;
  /** Fletcher-4. */
  readonly checksum: RunningChecksum;
  /** The decompressors. */
  readonly decompressors: Decompressors;
}

/** What is known of a block before it is read. */
export interface ExpectedBlock {
  readonly level: number;
  /** In bytes, when decompressed. */
  readonly size: number;
}

/** Reads the blocks of one state of a pool. */
export interface PoolBlocks {
  /**
   * The block of a pointer, in a new array of `size` bytes. Rejects with a FormatError if it is
   * damaged, not the expected one, or exceeds the budget.
   */
  read(pointer: Uint8Array, expected: ExpectedBlock): Promise<Uint8Array>;
  /** Where the blocks were read, the first MAX_PLACES of them. */
  readonly places: readonly BlockCopy[];
}

/** Limit of this program on the places that are kept to look them up in the space maps. */
export const MAX_PLACES = 65_536;

const FLETCHER_4 = 7; // ZIO_CHECKSUM_FLETCHER_4, of all metadata of a pool (dmu_objset_open_impl)

/**
 * Reads blocks of the state of transaction group `txg`. `budget` is the number of decompressed
 * bytes that may be read in all: it ends metadata that refers to itself.
 */
export function poolBlocks(tools: PoolTools, txg: bigint, budget: number): PoolBlocks {
  const places: BlockCopy[] = [];
  let left = budget;

  return {
    places,
    async read(pointer, { level, size }) {
      left -= size;
      if (left < 0) throw unsupported(`the metadata has more than ${budget} bytes`);
      const found = decodePointer(pointer);
      if (found.kind === 'hole') return new Uint8Array(size);
      check(found, level, size);
      const compressed = found.kind === 'embedded' ? found.compressed : await readStored(found);
      const block = new Uint8Array(size);
      decompressBlock(found.compression, compressed, block, tools.decompressors);
      return block;
    },
  };

  function check(found: Exclude<BlockPointer, { kind: 'hole' }>, level: number, size: number) {
    if (found.level !== level || found.logicalSize !== size) {
      const what = `a block of level ${found.level} with ${found.logicalSize} bytes`;
      throw damaged(`${what}, expected level ${level} and ${size} bytes`);
    }
    if (found.birth > txg) {
      throw damaged(`a block is from transaction group ${found.birth}, later than ${txg}`);
    }
  }

  async function readStored(found: Extract<BlockPointer, { kind: 'stored' }>) {
    if (found.checksumType !== FLETCHER_4) {
      throw unsupported(
        `checksum type ${found.checksumType} of a block, ${FLETCHER_4} (fletcher4) is supported`,
      );
    }
    for (const copy of found.copies) {
      for (let side = 0; side < tools.media.sideCount(copy.vdev); side++) {
        const stored = await tools.media.read(copy.vdev, side, copy.offset, found.physicalSize);
        tools.checksum.reset('little');
        tools.checksum.update(stored);
        if (!isChecksum(found.checksum, tools.checksum, 'little')) continue;
        if (places.length < MAX_PLACES) places.push(copy);
        return stored;
      }
    }
    throw damaged(`every copy of a block is damaged: ${found.copies.map(describe).join(', ')}`);
  }
}

function describe({ vdev, offset }: BlockCopy): string {
  return `byte ${offset} of vdev ${vdev}`;
}
