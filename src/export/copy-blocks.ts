// The main loop of an export, in two parts that overlap: one reads ahead and lets workers compress
// the blocks, the other writes them in the order of the disk. A few slabs circulate between the
// two.
//
//   source.next -> slab -> blocks that are not zero -> workers
//     -> for every image: writer.add(block) -> output.flush -> sink; the slab is free again

import { BLOCK_SIZE, type Block, type Encoding } from '../../formats/index.ts';
import { AsyncQueue } from '../workers/async-queue.ts';
import type { CompressorName } from '../compress/compressor.ts';
import { compressPool } from '../compress/pool.ts';
import { hashesInThreads } from '../hash/hash-threads.ts';
import { blockHash } from '../workers/block-hash.ts';
import { dataBlocks } from '../workers/data-blocks.ts';
import type { BlockMap } from '../../formats/bmap/index.ts';
import type { DiskDigest } from './disk-digest.ts';
import type { OnProgress } from '../sources/progress.ts';
import { wholeSectors } from '../../formats/rounding.ts';
import { throwIfAborted } from '../errors.ts';
import { checkDiskSize } from './image.ts';
import type { ImageGroup } from './image-set.ts';
import { threadsFor } from './threads-for.ts';
import { type Slab, slabMemory, type SlabShape, slabsIn } from '../workers/slab.ts';
import type { Extent, Source } from '../sources/source.ts';

export interface CopyRequest {
  readonly source: Source;
  readonly images: ImageGroup;
  /** The distinct encodings of the images. */
  readonly encodings: readonly Encoding[];
  readonly threads: number;
  readonly compressor: CompressorName;
  /** Aborts the copy; it is also aborted if one of the two loops fails. */
  readonly stop: AbortController;
  readonly onProgress: OnProgress | undefined;
  /** Gets every block that is not zero. */
  readonly digest: DiskDigest | undefined;
  /** Gets every extent, as it is read. */
  readonly blockMap: BlockMap | undefined;
}

/** A slab on its way from the reader to the writers. */
interface Filled {
  readonly slab: Slab;
  readonly extent: Extent;
  /** The blocks that are not zero, by their index in the slab. */
  readonly blocks: readonly number[];
  /** Settles once they are compressed: the hash of each, if there is a digest. */
  readonly packed: Promise<readonly string[]>;
}

/** Compresses and hashes blocks of a slab; what it does itself is done before it returns. */
type Pack = (slab: Slab, blocks: readonly number[]) => Promise<readonly string[]>;

/**
 * Adds every block of the disk that is not zero to every image, and flushes the images. Does not
 * finish them.
 */
export async function copyBlocks(request: CopyRequest): Promise<void> {
  const { source, encodings, compressor, stop, digest } = request;
  const threads = threadsFor(source, request.threads);
  const shape = shapeFor(encodings.length, threads);
  const memory = slabMemory(shape);
  const hashes = digest !== undefined && hashesInThreads(threads);
  const pool = compressPool({ memory, shape, encodings, threads, compressor, hashes });
  const free = new AsyncQueue<Slab>();
  const filled = new AsyncQueue<Filled>();
  for (const slab of slabsIn(memory, shape)) free.push(slab);

  const pack: Pack = async (slab, blocks) => {
    const own = digest && !hashes ? blocks.map((place) => blockHash(slab.block(place))) : [];
    const others = encodings.length > 0 || hashes ? await pool.compress(slab, blocks) : [];
    return hashes ? others : own;
  };
  const fail = (error: unknown) => {
    free.fail(error);
    filled.fail(error);
    stop.abort(error);
  };
  const loops = [readAhead(request, free, filled, pack), writeBehind(request, free, filled)];
  for (const loop of loops) loop.catch(fail);
  try {
    await Promise.all(loops);
  } finally {
    // The loop that did not fail must stop using its buffers before anything is closed.
    await Promise.allSettled(loops);
    await pool.close();
  }
}

function shapeFor(encodings: number, threads: number): SlabShape {
  // One slab is being read, one written, and every worker has one under way and one waiting.
  if (encodings > 0)
    return { count: 2 + 2 * threads, blocks: 16, blockSize: BLOCK_SIZE, encodings };
  // Without compression, fewer and larger reads and writes wake fewer threads and keep the queue of
  // a disk full.
  return { count: 3, blocks: 128, blockSize: BLOCK_SIZE, encodings };
}

async function readAhead(
  { source, stop, blockMap }: CopyRequest,
  free: AsyncQueue<Slab>,
  filled: AsyncQueue<Filled>,
  pack: Pack,
): Promise<void> {
  const read = async () => {
    const slab = await free.take();
    throwIfAborted(stop.signal);
    const extent = slab && (await source.next(slab.input, stop.signal));
    return extent && { slab, extent };
  };
  let end = 0;
  let reading = read();
  try {
    for (let found = await reading; found; found = await reading) {
      const { slab, extent } = found;
      if (extent.diskOffset < end || extent.diskOffset % BLOCK_SIZE !== 0) {
        throw new Error(`${source.name}: extent at ${extent.diskOffset} after ${end}`);
      }
      end = extent.diskOffset + extent.length;
      reading = read(); // the disk need not wait until this extent is looked through
      blockMap?.add(extent.diskOffset, slab.input.subarray(0, extent.length));
      const blocks = dataBlocks(slab.input, extent.length);
      const packed = pack(slab, blocks);
      // `writeBehind` handles it, but Node may call it unhandled until then
      packed.catch(() => undefined);
      filled.push({ slab, extent, blocks, packed });
    }
  } finally {
    await Promise.allSettled([reading]); // it uses a slab
  }
  filled.end();
}

async function writeBehind(
  { source, images, encodings, digest, stop, onProgress }: CopyRequest,
  free: AsyncQueue<Slab>,
  filled: AsyncQueue<Filled>,
): Promise<void> {
  onProgress?.({ phase: 'writing', done: 0, total: source.size });
  let stored = 0;
  for (let item = await filled.take(); item; item = await filled.take()) {
    const { slab, extent, blocks, packed } = item;
    const hashes = await packed;
    throwIfAborted(stop.signal);
    digest?.add(extent.diskOffset / BLOCK_SIZE, blocks, hashes);
    const end = extent.diskOffset + extent.length;
    const data = blocks.map((place) => blockOf(slab, extent, place, encodings));
    const start = source.gaps === 'unallocated' ? extent.diskOffset : stored;
    stored = end;
    await images.each(async ({ format, writer, output, sink }) => {
      checkDiskSize(format, end);
      sink.stored?.(start, end - start);
      for (const block of data) writer.add(block);
      await output.flush(stop.signal);
    });
    free.push(slab);
    const { bytes: sent, retries } = images.traffic() ?? {};
    onProgress?.({ phase: 'writing', done: end, total: source.size, sent, retries });
  }
  const { gaps, size = 0 } = source;
  if (gaps === 'unallocated' || size <= stored) return;
  await images.each(({ sink }) => {
    sink.stored?.(stored, size - stored);
    return Promise.resolve();
  });
}

function blockOf(
  slab: Slab,
  { diskOffset, length }: Extent,
  place: number,
  encodings: readonly Encoding[],
): Block {
  return {
    index: diskOffset / BLOCK_SIZE + place,
    bytes: slab.block(place),
    length: Math.min(BLOCK_SIZE, wholeSectors(length) - place * BLOCK_SIZE),
    compressed(encoding) {
      const index = encodings.indexOf(encoding);
      if (index === -1) throw new Error('an encoding that was not asked for');
      return slab.compressed(index, place);
    },
  };
}
