// Reads the disk in an image. One loop walks the map ahead and lets workers fill windows, several
// at a time; `next` returns them in order. Holes are skipped.

import { host } from '#host';
import { AsyncQueue } from '../workers/async-queue.ts';
import { asKexportError, KexportError, throwIfAborted } from '../errors.ts';
import type { ImageFiles } from './read-image.ts';
import { fillPieces } from './fill-pieces.ts';
import { type Piece, piecesOf, type Window, windowsOf } from './pieces.ts';
import { sharedMemory } from '../workers/aligned-memory.ts';
import { SLAB_SIZE } from '../workers/slab.ts';
import { type TaskPool, taskPool } from '../workers/task-pool.ts';
import { fillSlabs } from '../decompress/fill-slabs.ts';
import { type FillProblem, type FillTask, fillWindow } from '../decompress/fill-window.ts';
import type { Source } from '../sources/source.ts';

/** A window on its way from the workers to the caller. */
interface Filling {
  readonly slab: number;
  readonly window: Window;
  /** Settles when the slab is filled. */
  readonly filled: Promise<void>;
}

/** With more, the thread that takes the windows from them is the slowest. */
const MAX_THREADS = 16;

/** How {@link imageSource} reads. */
export interface ImageSourceOptions {
  /** Workers that decompress: at most 16. Default: one for each processor. */
  readonly threads?: number | undefined;
  /** Reads the holes of sparse files too. Default: takes them for the zeros that they are. */
  readonly readHoles?: boolean | undefined;
}

/**
 * The disk in an image. Owns the image, and closes it. The memory of the workers is taken when the
 * first extent is read.
 */
export function imageSource(
  image: ImageFiles,
  { threads: most = host.availableParallelism(), readHoles = false }: ImageSourceOptions = {},
): Source {
  const threads = Math.min(most, MAX_THREADS);
  const { name } = image.input;
  const size = image.reader.facts.diskSize;
  const free = new AsyncQueue<number>();
  const filling = new AsyncQueue<Filling>();
  let workers: Workers | undefined;
  let walk: Promise<void> | undefined;
  let current: Filling | undefined;
  let given = 0; // bytes of the current window that were returned
  let fillHere: ReturnType<typeof fillWindow> | undefined;

  return {
    name,
    size,
    async next(buffer, signal) {
      throwIfAborted(signal);
      workers ??= startWorkers(threads, free);
      walk ??= fillAhead(workers).catch((error: unknown) =>
        filling.fail(asKexportError(error, name)),
      );
      current ??= await filling.take();
      if (!current) return undefined;
      const { slab, window } = current;
      await current.filled;
      throwIfAborted(signal);
      const length = Math.min(buffer.length, window.length - given);
      // `free` holds only indexes of the slabs
      buffer.set(new Uint8Array(workers.slabs[slab]!, given, length));
      const extent = { diskOffset: window.diskOffset + given, length };
      given += length;
      if (given === window.length) {
        current = undefined;
        given = 0;
        free.push(slab);
      }
      return extent;
    },
    read(diskOffset, buffer) {
      fillHere ??= fillWindow();
      return readAt(image, diskOffset, buffer, fillHere);
    },
    async close() {
      free.fail(new Error('closed'));
      await walk;
      await workers?.pool.close();
      await image.close();
    },
  };

  async function fillAhead({ pool }: Workers): Promise<void> {
    for await (const window of windowsOf(image, readHoles)) {
      const slab = await free.take();
      if (slab === undefined) return;
      const filled = fill(pool, slab, window);
      filled.catch(() => undefined); // `next` handles it, but Node may call it unhandled until then
      filling.push({ slab, window, filled });
    }
    filling.end();
  }

  async function fill(
    pool: Workers['pool'],
    slab: number,
    { diskOffset, length, pieces }: Window,
  ): Promise<void> {
    const parts = await fillPieces(pieces, diskOffset);
    const problem = await pool.run({ slab, length, pieces: parts });
    if (problem) throw problemOf(name, problem);
  }
}

interface Workers {
  readonly slabs: readonly ArrayBufferLike[];
  readonly pool: TaskPool<FillTask, FillProblem | undefined>;
}

/** `free` gets the index of every slab. */
function startWorkers(threads: number, free: AsyncQueue<number>): Workers {
  const slabs = Array.from({ length: 2 + 2 * threads }, () => sharedMemory(SLAB_SIZE));
  slabs.forEach((_, slab) => free.push(slab));
  return { slabs, pool: taskPool('decompress', fillSlabs, slabs, threads) };
}

/** Reads a few bytes on this thread, such as those of partition tables. */
async function readAt(
  image: ImageFiles,
  diskOffset: number,
  buffer: Uint8Array,
  fill: ReturnType<typeof fillWindow>,
): Promise<number> {
  const { name } = image.input;
  const end = Math.min(diskOffset + buffer.length, image.reader.facts.diskSize);
  const length = Math.max(0, end - diskOffset);
  const pieces: Piece[] = [];
  try {
    for await (const piece of piecesOf(image, diskOffset)) {
      if (piece.start >= end) break;
      pieces.push({ ...piece, end: Math.min(piece.end, end) });
    }
  } catch (error) {
    throw asKexportError(error, name);
  }
  const problem = fill(buffer, { slab: 0, length, pieces: await fillPieces(pieces, diskOffset) });
  if (problem) throw problemOf(name, problem);
  return length;
}

function problemOf(name: string, { message, damaged }: FillProblem): KexportError {
  return new KexportError(damaged ? 'damaged' : 'source', `${name}: ${message}`);
}
