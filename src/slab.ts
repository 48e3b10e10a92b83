import { BLOCK_SIZE } from '../formats/contract.ts'; // not the registry: workers load this
import { alignedMemory, ALIGNMENT } from './aligned-memory.ts';
import { PACKED_SLACK } from './compress/compressor.ts';

/** What most of the program reads of a disk at a time, in bytes. */
export const SLAB_SIZE = 2 ** 20;

const PACKED_SIZE = BLOCK_SIZE + PACKED_SLACK;

/** How many slabs, of how many blocks each, which are compressed to how many encodings. */
export interface SlabShape {
  readonly count: number;
  readonly blocks: number;
  readonly encodings: number;
}

/**
 * The buffers that a stretch of the disk passes through: as read, and packed in each encoding. They
 * lie in shared memory, so that a worker compresses them where the reader put them and the writer
 * takes them from, and are used again and again.
 */
export interface Slab {
  /** Its place among the slabs. */
  readonly number: number;
  /** `blocks` of BLOCK_SIZE bytes, fit for O_DIRECT. */
  readonly input: Buffer;
  /** One block of `input`. */
  block(index: number): Buffer;
  /** Room for one packed block: at least PACKED_SLACK more than the block. */
  packedRoom(encoding: number, index: number): Buffer;
  /** What `setPackedLength` said is used of that room. */
  packed(encoding: number, index: number): Buffer;
  setPackedLength(encoding: number, index: number, length: number): void;
}

/** Shared memory for slabs of that shape. */
export function slabMemory(shape: SlabShape): SharedArrayBuffer {
  return alignedMemory(shape.count * strideOf(shape));
}

/** The slabs in memory that `slabMemory` made for that shape; the main thread and the workers each make their own. */
export function slabsIn(memory: SharedArrayBuffer, shape: SlabShape): Slab[] {
  return Array.from({ length: shape.count }, (_, number) => slabView(memory, shape, number));
}

function slabView(memory: SharedArrayBuffer, shape: SlabShape, number: number): Slab {
  const start = number * strideOf(shape);
  const blocks = Array.from({ length: shape.blocks }, (_, i) =>
    Buffer.from(memory, start + i * BLOCK_SIZE, BLOCK_SIZE),
  );
  const packedStart = start + shape.blocks * BLOCK_SIZE;
  const slots = shape.encodings * shape.blocks;
  const lengths = new Int32Array(memory, packedStart + slots * PACKED_SIZE, slots);
  const packedAt = (slot: number) => packedStart + slot * PACKED_SIZE;
  const slotOf = (encoding: number, index: number) => encoding * shape.blocks + index;
  return {
    number,
    input: Buffer.from(memory, start, shape.blocks * BLOCK_SIZE),
    block: (index) => blocks[index]!, // below `shape.blocks`
    packedRoom: (encoding, index) =>
      Buffer.from(memory, packedAt(slotOf(encoding, index)), PACKED_SIZE),
    packed: (encoding, index) => {
      const slot = slotOf(encoding, index);
      return Buffer.from(memory, packedAt(slot), lengths[slot]);
    },
    setPackedLength: (encoding, index, length) => {
      lengths[slotOf(encoding, index)] = length;
    },
  };
}

/** Bytes from one slab to the next. */
function strideOf({ blocks, encodings }: SlabShape): number {
  const packed = encodings * blocks * (PACKED_SIZE + Int32Array.BYTES_PER_ELEMENT);
  return Math.ceil((blocks * BLOCK_SIZE + packed) / ALIGNMENT) * ALIGNMENT;
}
