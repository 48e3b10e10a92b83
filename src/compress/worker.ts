// A worker thread: compresses the blocks that it is told of, where they lie.

import { parentPort, workerData } from 'node:worker_threads';
import type { Encoding } from '../../formats/index.ts';
import { type SlabShape, slabsIn } from '../slab.ts';
import type { Numbered } from '../task-pool.ts';
import { openCompressor, type CompressorName } from './compressor.ts';

/** What a worker is started with. */
export interface WorkerSetup {
  readonly memory: SharedArrayBuffer;
  readonly shape: SlabShape;
  readonly encodings: readonly Encoding[];
  readonly compressor: CompressorName;
}

/** One slab's blocks, by their place in it. There is nothing to answer: the slab has the outcome. */
export interface WorkerTask {
  readonly slab: number;
  readonly blocks: readonly number[];
}

const setup = workerData as WorkerSetup;
const slabs = slabsIn(setup.memory, setup.shape);
const compressors = await Promise.all(
  setup.encodings.map((encoding) => openCompressor(encoding, setup.compressor)),
);

parentPort?.on('message', ({ id, value: { slab: number, blocks } }: Numbered<WorkerTask>) => {
  const slab = slabs[number];
  if (!slab) throw new Error(`no slab ${number}`);
  for (const block of blocks) {
    compressors.forEach((compressor, encoding) => {
      const length = compressor.compress(slab.block(block), slab.packedRoom(encoding, block));
      slab.setPackedLength(encoding, block, length);
    });
  }
  const done: Numbered<undefined> = { id, value: undefined };
  parentPort?.postMessage(done);
});
