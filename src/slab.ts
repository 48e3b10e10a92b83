import { BLOCK_SIZE } from '../formats/contract.ts'; // not the registry: workers load this
import { PACKED_SLACK } from './compress/compressor.ts';

/** Blocks that are read, compressed and written together. */
export const BLOCKS_PER_SLAB = 16;

/** Bytes of the disk in one slab: 1 MiB. */
export const SLAB_SIZE = BLOCKS_PER_SLAB * BLOCK_SIZE;

const PACKED_SIZE = BLOCK_SIZE + PACKED_SLACK;

/**
 * The buffers that a stretch of the disk passes through: as read, and packed in each encoding. They
 * lie in shared memory, so that a worker compresses them where the reader put them and the writer
 * takes them from, and are used again and again.
 */
export interface Slab {
  readonly memory: SharedArrayBuffer;
  /** SLAB_SIZE bytes. */
  readonly input: Buffer;
  /** One block of `input`. */
  block(index: number): Buffer;
  /** Room for one packed block: at least PACKED_SLACK more than the block. */
  packedRoom(encoding: number, index: number): Buffer;
  /** What `setPackedLength` said is used of that room. */
  packed(encoding: number, index: number): Buffer;
  setPackedLength(encoding: number, index: number, length: number): void;
}

/** Bytes of shared memory for a slab with that many encodings. */
export function slabMemory(encodingCount: number): SharedArrayBuffer {
  const lengths = BLOCKS_PER_SLAB * Int32Array.BYTES_PER_ELEMENT;
  const packed = BLOCKS_PER_SLAB * PACKED_SIZE;
  return new SharedArrayBuffer(SLAB_SIZE + encodingCount * (packed + lengths));
}

/** A view of shared memory as a slab; the main thread and the workers each make their own. */
export function slabView(memory: SharedArrayBuffer, encodingCount: number): Slab {
  const blocks = Array.from({ length: BLOCKS_PER_SLAB }, (_, i) =>
    Buffer.from(memory, i * BLOCK_SIZE, BLOCK_SIZE),
  );
  const lengthsAt = SLAB_SIZE + encodingCount * BLOCKS_PER_SLAB * PACKED_SIZE;
  const lengths = new Int32Array(memory, lengthsAt, encodingCount * BLOCKS_PER_SLAB);
  const packedAt = (slot: number) => SLAB_SIZE + slot * PACKED_SIZE;
  const slotOf = (encoding: number, index: number) => encoding * BLOCKS_PER_SLAB + index;
  return {
    memory,
    input: Buffer.from(memory, 0, SLAB_SIZE),
    block: (index) => blocks[index]!, // below BLOCKS_PER_SLAB
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
