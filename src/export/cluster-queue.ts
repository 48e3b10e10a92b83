// Writes the clusters of an overlay: gathers them into slabs, lets workers compress several slabs
// at a time, and writes them in the order of the disk.

import { host } from '#host';
import type { Encoding } from '../../formats/index.ts';
import type { OverlayWriter } from '../../formats/qcow2/overlay-writer.ts';
import type { CompressorName } from '../compress/compressor.ts';
import { compressPool } from '../compress/pool.ts';
import { slabMemory, type SlabShape, slabsIn } from '../workers/slab.ts';
import type { QueuedOutput } from './queued-output.ts';

export interface ClusterQueueOptions {
  readonly writer: OverlayWriter;
  readonly output: QueuedOutput;
  /** In bytes. */
  readonly clusterSize: number;
  readonly encoding: Encoding;
  readonly compressor: CompressorName;
  readonly threads: number;
  readonly signal?: AbortSignal | undefined;
}

/** Calls must not overlap; clusters and zeros must ascend. */
export interface ClusterQueue {
  /**
   * Adds a cluster. `fill` is called before this resolves, to put its bytes into memory. Waits
   * while too many are under way.
   */
  add(diskOffset: number, fill: (cluster: Uint8Array) => void): Promise<void>;
  /** Adds whole clusters of zeros. */
  addZeros(diskOffset: number, length: number): Promise<void>;
  /** Waits until the writer has everything and its output is flushed. */
  end(): Promise<void>;
  /** Stops the workers. */
  close(): Promise<void>;
}

/** Clusters and zeros that are written together. */
interface Batch {
  readonly slab: number;
  /** In the order of the disk: `zeros` bytes of zeros, or the cluster at `place` in the slab. */
  readonly parts: { diskOffset: number; zeros?: number; place: number }[];
  /** Settles once the clusters of the slab are compressed. */
  compressed?: Promise<unknown>;
}

/** Clusters in one slab. */
const CLUSTERS_PER_SLAB = 16;

/** Zeros take no room in a slab, so without this limit a batch could grow without end. */
const MAX_PARTS = 1024;

export function clusterQueue(options: ClusterQueueOptions): ClusterQueue {
  const { writer, output, clusterSize, encoding, compressor, threads, signal } = options;
  // One slab is being filled, and every worker has one under way and one waiting.
  const count = 1 + 2 * threads;
  const blocks = CLUSTERS_PER_SLAB;
  const shape: SlabShape = { count, blocks, blockSize: clusterSize, encodings: 1 };
  const memory = slabMemory(shape);
  const slabs = slabsIn(memory, shape);
  const pool = compressPool({ memory, shape, encodings: [encoding], threads, compressor });
  const free = slabs.map((_, number) => number);
  const sent: Batch[] = [];
  let open: Batch | undefined;
  let filled = 0; // clusters in the slab of `open`

  return {
    async add(diskOffset, fill) {
      const batch = await openBatch();
      const cluster = slabs[batch.slab]!.block(filled); // `free` holds only indexes of `slabs`
      fill(cluster);
      if (host.isZero(cluster)) batch.parts.push({ diskOffset, zeros: clusterSize, place: filled });
      else batch.parts.push({ diskOffset, place: filled++ });
      sendIfFull(batch);
    },
    async addZeros(diskOffset, length) {
      const batch = await openBatch();
      batch.parts.push({ diskOffset, zeros: length, place: filled });
      sendIfFull(batch);
    },
    async end() {
      if (open) send(open);
      while (sent.length > 0) await writeFirst();
    },
    close: () => pool.close(),
  };

  async function openBatch(): Promise<Batch> {
    if (!open && free.length === 0) await writeFirst();
    open ??= { slab: free.pop()!, parts: [] };
    return open;
  }

  function sendIfFull(batch: Batch): void {
    if (filled === CLUSTERS_PER_SLAB || batch.parts.length === MAX_PARTS) send(batch);
  }

  function send(batch: Batch): void {
    const { slab, parts } = batch;
    const places = parts.filter(({ zeros }) => zeros === undefined).map(({ place }) => place);
    // `free` holds only indexes of `slabs`.
    batch.compressed =
      places.length === 0 ? Promise.resolve() : pool.compress(slabs[slab]!, places);
    // `writeFirst` handles it, but Node may call it unhandled until then
    batch.compressed.catch(() => undefined);
    sent.push(batch);
    open = undefined;
    filled = 0;
  }

  async function writeFirst(): Promise<void> {
    const { slab: number, parts, compressed } = sent.shift()!; // a slab is free, open or sent
    await compressed;
    const slab = slabs[number]!;
    for (const { diskOffset, zeros, place } of parts) {
      if (zeros !== undefined) writer.addZeros(diskOffset, zeros);
      else writer.add(diskOffset, slab.block(place), slab.compressed(0, place));
    }
    await output.flush(signal);
    free.push(number);
  }
}
