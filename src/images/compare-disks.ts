import type { OnProgress } from '../sources/progress.ts';
import { SLAB_SIZE } from '../workers/slab.ts';
import type { Source } from '../sources/source.ts';

const ZEROS = Buffer.alloc(SLAB_SIZE);

/** Options of {@link compareDisks}. */
export interface CompareOptions {
  /** How many bytes of the disks are compared. Default: all. */
  readonly length?: number | undefined;
  /** Aborts the reading with a KexportError `aborted`. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each extent of the disk, at most 1 MiB. */
  readonly onProgress?: OnProgress | undefined;
}

/**
 * Finds the first byte in which two disks differ; undefined if there is none. The shorter disk
 * counts as continued with zeros. Reads both at once, and skips what both sources skip. Closes
 * neither.
 */
export async function compareDisks(
  one: Source,
  other: Source,
  { length = Infinity, signal, onProgress }: CompareOptions = {},
): Promise<number | undefined> {
  const left = cursor(one, signal);
  const right = cursor(other, signal);
  for (let at = 0; ;) {
    const [a, b] = await Promise.all([left.after(at), right.after(at)]);
    const startA = Math.max(at, a?.start ?? Infinity);
    const startB = Math.max(at, b?.start ?? Infinity);
    at = Math.min(startA, startB);
    if (at >= length || at === Infinity) return undefined;
    // Up to where one of the two extents begins or ends. An extent that is undefined has not begun.
    const endA = startA > at ? startA : a!.end;
    const endB = startB > at ? startB : b!.end;
    const end = Math.min(endA, endB, length);
    const bytesA = startA > at ? zeros(end - at) : a!.bytes(at, end);
    const bytesB = startB > at ? zeros(end - at) : b!.bytes(at, end);
    if (!bytesA.equals(bytesB)) return at + firstDifference(bytesA, bytesB);
    at = end;
    onProgress?.({ phase: 'verifying', done: at, total: one.size });
  }
}

/** An extent of a disk in memory, valid until the next call of `after`. */
interface Loaded {
  readonly start: number;
  readonly end: number;
  bytes(from: number, to: number): Buffer;
}

function cursor(source: Source, signal: AbortSignal | undefined) {
  const buffer = Buffer.allocUnsafeSlow(SLAB_SIZE);
  let current: Loaded | undefined;
  let ended = false;
  return {
    /** The first extent that ends after `diskOffset`, which must ascend from call to call. */
    async after(diskOffset: number): Promise<Loaded | undefined> {
      while (!ended && !(current && current.end > diskOffset)) {
        const extent = await source.next(buffer, signal);
        ended = !extent;
        current = extent && loaded(extent.diskOffset, buffer.subarray(0, extent.length));
      }
      return current;
    },
  };
}

function loaded(start: number, buffer: Buffer): Loaded {
  return {
    start,
    end: start + buffer.length,
    bytes: (from, to) => buffer.subarray(from - start, to - start),
  };
}

function zeros(length: number): Buffer {
  return ZEROS.subarray(0, length);
}

function firstDifference(one: Buffer, other: Buffer): number {
  // Narrows it down by memcmp first: a loop over each byte of a MiB takes a millisecond.
  const step = 4096;
  let at = 0;
  const after = (from: number) => Math.min(from + step, one.length);
  while (one.compare(other, at, after(at), at, after(at)) === 0) at += step;
  while (one[at] === other[at]) at++;
  return at;
}
