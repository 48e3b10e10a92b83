// Reads blocks of a pool's metadata by their pointers: finds, verifies and decompresses them.

import { damaged, unsupported } from './faults.ts';
import { isChecksum, type RunningChecksum } from '../zfs-send/fletcher4.ts';
import { decompressBlock, type Decompressors } from '../zfs-send/decompress-block.ts';
import { joinBytes } from '../join-bytes.ts';
import { type BlockCopy, type BlockPointer, decodePointer } from './decode-pointer.ts';
import type { StoredBlock } from './vdev-layout.ts';

/** The devices of a pool. */
export interface PoolMedia {
  /**
   * Each way to read exactly the bytes of a block of a top-level vdev; none if too little of it is
   * present. A way rejects with a FormatError if a device ends before.
   */
  ways(vdev: number, block: StoredBlock): readonly (() => Promise<Uint8Array>)[];
}

/** A part of a block of a removed device. Offsets and lengths are in bytes. */
export interface MovedPart extends BlockCopy {
  readonly length: number;
}

/** Finds the parts of what a removed device had. Rejects with a FormatError if it was not moved. */
export type IndirectMapping = (offset: number, length: number) => Promise<readonly MovedPart[]>;

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
  /** From now on finds what was on removed devices, by their numbers. */
  useMappings(mappings: ReadonlyMap<number, IndirectMapping>): void;
  /** Where the blocks were read, the first MAX_PLACES of them. */
  readonly places: readonly BlockCopy[];
}

/** Limit of this program on the places that are kept to look them up in the space maps. */
export const MAX_PLACES = 65_536;

/** Limit of this program on the devices that a block was on, each of which was removed. */
const MAX_MOVES = 16;

const FLETCHER_4 = 7; // ZIO_CHECKSUM_FLETCHER_4, of all metadata of a pool (dmu_objset_open_impl)

/**
 * Reads blocks of the state of transaction group `txg`. `budget` is the number of decompressed
 * bytes that may be read in all: it ends metadata that refers to itself.
 */
export function poolBlocks(tools: PoolTools, txg: bigint, budget: number): PoolBlocks {
  const places: BlockCopy[] = [];
  let left = budget;
  let moved: ReadonlyMap<number, IndirectMapping> = new Map();

  return {
    places,
    useMappings(mappings) {
      moved = mappings;
    },
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
      const parts = await partsOf({ ...copy, length: found.physicalSize });
      const ways = parts.map(({ vdev, offset, length }) =>
        tools.media.ways(vdev, { offset, length, birth: found.birth }),
      );
      for (let way = 0; way < Math.min(...ways.map(({ length }) => length)); way++) {
        const stored = joinBytes(await Promise.all(ways.map((each) => each[way]!()))); // below each length
        tools.checksum.reset('little');
        tools.checksum.update(stored);
        if (!isChecksum(found.checksum, tools.checksum, 'little')) continue;
        for (const part of parts) if (places.length < MAX_PLACES) places.push(part);
        return stored;
      }
    }
    throw damaged(`every copy of a block is damaged: ${found.copies.map(describe).join(', ')}`);
  }

  /** What is where it was written, or where that was moved to since, maybe more than once. */
  async function partsOf(part: MovedPart, depth = 0): Promise<readonly MovedPart[]> {
    const mapping = moved.get(part.vdev);
    if (!mapping) return [part];
    if (depth > MAX_MOVES) throw damaged('a block of a removed device was moved in a circle');
    const parts = await mapping(part.offset, part.length);
    return (await Promise.all(parts.map((one) => partsOf(one, depth + 1)))).flat();
  }
}

function describe({ vdev, offset }: BlockCopy): string {
  return `byte ${offset} of vdev ${vdev}`;
}
