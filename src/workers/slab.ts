import { roundUp } from '../../formats/rounding.ts';
import { alignedMemory, ALIGNMENT } from './aligned-memory.ts';

/** How much of a disk most of the program reads at a time, in bytes. */
export const SLAB_SIZE = 2 ** 20;

/**
 * How much a block may grow by compression, in bytes. Deflate at its worst, stored blocks of 8 KiB,
 * adds 5 bytes to each of them; readers of VMDK allow a grain to grow by 500 (open-vmdk and
 * VirtualBox: 66,036 in all).
 */
export const COMPRESSED_SLACK = 4096;

/** The number of slabs, the number and size of the blocks in each, and the number of encodings. */
export interface SlabShape {
  readonly count: number;
  readonly blocks: number;
  /** In bytes: BLOCK_SIZE or a divisor of it. */
  readonly blockSize: number;
  readonly encodings: number;
}

/**
 * The buffers that an extent of the disk passes through: as read, and compressed in each encoding.
 * They lie in shared memory, so that reader, workers and writer use the same bytes without copies,
 * and they are reused throughout an export.
 */
export interface Slab {
  /** Its index among the slabs. */
  readonly number: number;
  /** All blocks, one after the other, aligned for O_DIRECT. */
  readonly input: Uint8Array;
  /** One block of `input`. */
  block(index: number): Uint8Array;
  /** Room for one compressed block: COMPRESSED_SLACK more than the block. */
  compressedRoom(encoding: number, index: number): Uint8Array;
  /** The used part of that room, as set by `setCompressedLength`. */
  compressed(encoding: number, index: number): Uint8Array;
  setCompressedLength(encoding: number, index: number, length: number): void;
}

/** Allocates shared memory for slabs of that shape. */
export function slabMemory(shape: SlabShape): ArrayBufferLike {
  return alignedMemory(shape.count * strideOf(shape));
}

/**
 * The slabs in memory from `slabMemory`, for the same shape. The main thread and the workers each
 * make their own views.
 */
export function slabsIn(memory: ArrayBufferLike, shape: SlabShape): Slab[] {
  return Array.from({ length: shape.count }, (_, number) => slabView(memory, shape, number));
}

function slabView(memory: ArrayBufferLike, shape: SlabShape, number: number): Slab {
  const { blockSize } = shape;
  const bytesAt = (at: number, length: number) => new Uint8Array(memory, at, length);
  const start = number * strideOf(shape);
  const blocks = Array.from({ length: shape.blocks }, (_, i) =>
    bytesAt(start + i * blockSize, blockSize),
  );
  const roomSize = blockSize + COMPRESSED_SLACK;
  const roomsAt = start + shape.blocks * blockSize;
  const slots = shape.encodings * shape.blocks;
  const lengths = new Int32Array(memory, roomsAt + slots * roomSize, slots);
  const roomAt = (slot: number) => roomsAt + slot * roomSize;
  const slotOf = (encoding: number, index: number) => encoding * shape.blocks + index;
  return {
    number,
    input: bytesAt(start, shape.blocks * blockSize),
    block: (index) => blocks[index]!, // below `shape.blocks`
    compressedRoom: (encoding, index) => bytesAt(roomAt(slotOf(encoding, index)), roomSize),
    compressed: (encoding, index) => {
      const slot = slotOf(encoding, index);
      return bytesAt(roomAt(slot), lengths[slot]!); // `slot` is below `slots`
    },
    setCompressedLength: (encoding, index, length) => {
      lengths[slotOf(encoding, index)] = length;
    },
  };
}

/** Bytes from one slab to the next. */
function strideOf({ blocks, blockSize, encodings }: SlabShape): number {
  const room = blockSize + COMPRESSED_SLACK + Int32Array.BYTES_PER_ELEMENT;
  return roundUp(blocks * blockSize + encodings * blocks * room, ALIGNMENT);
}
