import { BLOCK_SIZE } from '../../formats/index.ts';
import { compressPool } from '../compress/pool.ts';
import { throwIfAborted } from '../errors.ts';
import { hashesInThreads } from '../hash/hash-threads.ts';
import type { Source } from '../sources/source.ts';
import { dataBlocks } from '../workers/data-blocks.ts';
import { SLAB_SIZE, slabMemory, slabsIn } from '../workers/slab.ts';
import { diskDigest } from './disk-digest.ts';
import { threadsFor } from './threads-for.ts';

/** More than hash what this thread can take from a source. */
const MAX_HASHERS = 4;

/** Blocks that are being hashed. */
interface Hashing {
  /** The index of the first block of the extent on the disk. */
  readonly first: number;
  readonly places: readonly number[];
  readonly hashes: Promise<readonly string[]>;
}

/**
 * Reads a disk to its end, and returns its digest, see `DiskDigest`. Calls `onExtent` with the end
 * of each extent on the disk, in bytes. Does not close the source. Throws what it throws, and a
 * KexportError on an abort.
 */
export async function digestSource(
  source: Source,
  threads: number,
  signal: AbortSignal,
  onExtent: (end: number) => void,
): Promise<string> {
  const most = threadsFor(source, threads);
  const hashers = hashesInThreads(most) ? Math.min(most, MAX_HASHERS) : 0;
  // One slab is being read, and every worker has one under way and one waiting.
  const count = 1 + 2 * hashers;
  const blocks = SLAB_SIZE / BLOCK_SIZE;
  const shape = { count, blocks, blockSize: BLOCK_SIZE, encodings: 0 };
  const memory = slabMemory(shape);
  const nothing = { encodings: [], compressor: 'zlib' } as const;
  const pool = compressPool({ ...nothing, memory, shape, hashes: true, threads: hashers });
  const slabs = slabsIn(memory, shape);
  const digest = diskDigest();
  const waiting: Hashing[] = [];
  const addFirst = async () => {
    const { first, places, hashes } = waiting.shift()!; // called while there is one
    digest.add(first, places, await hashes);
  };
  try {
    for (let turn = 0; ; turn = (turn + 1) % count) {
      throwIfAborted(signal);
      if (waiting.length === count) await addFirst();
      const slab = slabs[turn]!; // below `count`; the oldest, whose blocks are hashed
      const extent = await source.next(slab.input, signal);
      if (!extent) break;
      const places = dataBlocks(slab.input, extent.length);
      const hashes = pool.compress(slab, places);
      hashes.catch(() => undefined); // `addFirst` hears of it
      waiting.push({ first: extent.diskOffset / BLOCK_SIZE, places, hashes });
      onExtent(extent.diskOffset + extent.length);
    }
    while (waiting.length > 0) await addFirst();
    return digest.result();
  } finally {
    await pool.close();
  }
}
