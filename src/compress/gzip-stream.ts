// A stream of bytes into a gzip member, compressed by worker threads; zeros are ready-made.
//
//   bytes -> slab -> workers -> member, in the order of the slabs

import { host } from '#host';
import { type Block, BLOCK_SIZE, type ZlibEncoding } from '../../formats/index.ts';
import { addDiskBlock, type GzipMember, gzipMember } from '../../formats/gzip/member.ts';
import { dataBlocks } from '../workers/data-blocks.ts';
import { crc32 } from '../runtime/crc32.ts';
import { type Slab, slabMemory, type SlabShape, slabsIn } from '../workers/slab.ts';
import type { CompressorName } from './compressor.ts';
import { defaultCompressor } from './open-compressor.ts';
import { compressPool } from './pool.ts';

/** How a stream is compressed. */
export interface GzipStreamOptions {
  /** Level of compression, 1 to 9. */
  readonly level: number;
  /** Default: one for each processor. */
  readonly threads?: number | undefined;
  /** Default: `wasm`, where there is WebAssembly. */
  readonly compressor?: CompressorName | undefined;
}

/** A transform of a stream, and the threads that it uses. */
export interface GzipStream {
  readonly stream: TransformStream<Uint8Array, Uint8Array>;
  /** Stops the threads; to be called whatever became of the stream. */
  close(): Promise<void>;
}

/** A slab that workers compress. */
interface Packing {
  readonly slab: Slab;
  /** Bytes in it. */
  readonly length: number;
  /** Those of its blocks that are not zero. */
  readonly blocks: readonly number[];
  readonly packed: Promise<unknown>;
}

const BLOCKS = 16;

/** Compresses a stream. */
export function gzipStream({
  level,
  threads = host.availableParallelism(),
  compressor = defaultCompressor(),
}: GzipStreamOptions): GzipStream {
  const encoding: ZlibEncoding = { kind: 'zlib', windowBits: 15, level, isJoinable: true };
  // One is being filled, and every worker has one under way and one waiting.
  const count = 1 + 2 * threads;
  const shape: SlabShape = { count, blocks: BLOCKS, blockSize: BLOCK_SIZE, encodings: 1 };
  const memory = slabMemory(shape);
  const pool = compressPool({ memory, shape, encodings: [encoding], threads, compressor });
  const free = slabsIn(memory, shape);
  const packing: Packing[] = [];
  const { member, take } = memberInMemory(encoding);
  let slab = free.pop();
  let length = 0;

  /** Hands the slab to the workers. */
  const pack = (full: Slab) => {
    const blocks = dataBlocks(full.input, length);
    const packed = blocks.length === 0 ? Promise.resolve() : pool.compress(full, blocks);
    packed.catch(() => undefined); // `drain` handles it
    packing.push({ slab: full, length, blocks, packed });
    length = 0;
  };
  /** Waits for the oldest slab, and adds what is in it. */
  const drain = async (controller: TransformStreamDefaultController<Uint8Array>) => {
    const oldest = packing.shift();
    if (!oldest) return undefined;
    await oldest.packed;
    addSlab(member, oldest);
    controller.enqueue(take());
    return oldest.slab;
  };

  const stream = new TransformStream<Uint8Array, Uint8Array>({
    async transform(bytes, controller) {
      for (let done = 0; done < bytes.length;) {
        slab ??= free.pop() ?? (await drain(controller));
        if (!slab) throw new Error('every slab is either free or being packed');
        const piece = bytes.subarray(done, done + slab.input.length - length);
        slab.input.set(piece, length);
        length += piece.length;
        done += piece.length;
        if (length < slab.input.length) return;
        pack(slab);
        slab = undefined;
      }
    },
    async flush(controller) {
      if (slab && length > 0) pack(slab);
      while (packing.length > 0) await drain(controller);
      member.finish();
      controller.enqueue(take());
    },
  });
  return { stream, close: () => pool.close() };
}

/** A member whose bytes are kept until they are taken. */
function memberInMemory(encoding: ZlibEncoding) {
  let pieces: Uint8Array[] = [];
  let position = 0;
  const append = (bytes: Uint8Array) => {
    pieces.push(Uint8Array.from(bytes)); // the caller reuses them
    position += bytes.length;
  };
  const unused = () => {
    throw new Error('a member is only appended to');
  };
  const member = gzipMember({
    output: {
      get position() {
        return position;
      },
      append,
      appendPieces(_, each) {
        for (const piece of each) append(piece);
      },
      zeros: unused,
      patch: unused,
    },
    encoding,
    disk: { name: '', size: undefined, uuid: new Uint8Array(16), createdAt: 0 },
    hasher: unused,
    longHasher: unused,
    crc32,
  });
  const take = () => {
    const taken = Buffer.concat(pieces);
    pieces = [];
    return taken;
  };
  return { member, take };
}

function addSlab(member: GzipMember, { slab, length, blocks }: Packing): void {
  const start = member.size;
  for (const index of blocks) {
    const block: Block = {
      index,
      bytes: slab.block(index),
      length: Math.min(BLOCK_SIZE, length - index * BLOCK_SIZE),
      compressed: () => slab.compressed(0, index),
    };
    addDiskBlock(member, block, start);
  }
  member.addZeros(start + length - member.size);
}
