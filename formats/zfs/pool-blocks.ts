// Blocks of a pool's metadata, read by their pointers: found on a vdev, checked, unpacked.

import { FormatError } from '../errors.ts';
import { isChecksum, type RunningChecksum } from '../zfs-send/fletcher4.ts';
import { unpackBlock, type Unpackers } from '../zfs-send/unpack.ts';
import { type BlockCopy, type BlockPointer, decodePointer } from './block-pointer.ts';

/** The vdevs of a pool, wherever they are. */
export interface PoolMedia {
  /** How many devices have all that is on a top-level vdev; 0 for one that is not there. */
  sideCount(vdev: number): number;
  /** Exactly `length` bytes of one of them, from a byte of what it allocates from. Throws a FormatError if it has not as many. */
  read(vdev: number, side: number, offset: number, length: number): Promise<Uint8Array>;
}

/** What blocks are read with. */
export interface PoolTools {
  readonly media: PoolMedia;
  /** Fletcher-4. */
  readonly checksum: RunningChecksum;
  readonly unpackers: Unpackers;
}

/** What is known of a block before it is read. */
export interface ExpectedBlock {
  readonly level: number;
  /** In bytes, unpacked. */
  readonly size: number;
}

/** Reads the blocks of one state of a pool. */
export interface PoolBlocks {
  /**
   * The block that a pointer names, a new array of `size` bytes. Throws a FormatError if it is damaged, is none that is
   * expected there, or when more than the budget has been read.
   */
  read(pointer: Uint8Array, expected: ExpectedBlock): Promise<Uint8Array>;
  /** Of the copies that were read, the first MAX_PLACES. */
  readonly places: readonly BlockCopy[];
}

/** Limit of this program: so many places are remembered, to be looked up in the space maps. */
export const MAX_PLACES = 65_536;

const FLETCHER_4 = 7; // ZIO_CHECKSUM_FLETCHER_4: that of all metadata of a pool (dmu_objset_open_impl)

/**
 * Reads the state of transaction group `txg`. `budget` is what may be read in all, in unpacked bytes: it ends what goes
 * round in circles.
 */
export function poolBlocks(tools: PoolTools, txg: bigint, budget: number): PoolBlocks {
  const places: BlockCopy[] = [];
  let left = budget;

  return {
    places,
    async read(pointer, { level, size }) {
      left -= size;
      if (left < 0)
        throw new FormatError('unsupported', `its metadata have more than ${budget} bytes`);
      const found = decodePointer(pointer);
      if (found.kind === 'hole') return new Uint8Array(size);
      check(found, level, size);
      const packed = found.kind === 'embedded' ? found.packed : await readStored(found);
      const block = new Uint8Array(size);
      unpackBlock(found.compression, packed, block, tools.unpackers);
      return block;
    },
  };

  function check(found: Exclude<BlockPointer, { kind: 'hole' }>, level: number, size: number) {
    if (found.level !== level || found.logicalSize !== size) {
      throw new FormatError(
        'damaged',
        `a block of level ${found.level} has ${found.logicalSize} bytes where one of level ${level} has ${size}`,
      );
    }
    if (found.birth > txg)
      throw new FormatError('damaged', `a block is of txg ${found.birth}, after ${txg}`);
  }

  async function readStored(found: Extract<BlockPointer, { kind: 'stored' }>) {
    if (found.checksumType !== FLETCHER_4) {
      throw new FormatError(
        'unsupported',
        `a block has a checksum of the unknown type ${found.checksumType}`,
      );
    }
    for (const copy of found.copies) {
      for (let side = 0; side < tools.media.sideCount(copy.vdev); side++) {
        const packed = await tools.media.read(copy.vdev, side, copy.offset, found.physicalSize);
        tools.checksum.reset('little');
        tools.checksum.update(packed);
        if (!isChecksum(found.checksum, tools.checksum, 'little')) continue;
        if (places.length < MAX_PLACES) places.push(copy);
        return packed;
      }
    }
    throw new FormatError(
      'damaged',
      `no copy of a block is sound: ${found.copies.map(describe).join(', ')}`,
    );
  }
}

function describe({ vdev, offset }: BlockCopy): string {
  return `byte ${offset} of vdev ${vdev}`;
}
