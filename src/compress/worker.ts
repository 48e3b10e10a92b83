// A worker thread: compresses the blocks that it is told of, where they lie.

import { parentPort, workerData } from 'node:worker_threads';
import type { Encoding } from '../../formats/index.ts';
import { slabView } from '../slab.ts';
import { openCompressor, type CompressorName } from './compressor.ts';

/** What a worker is started with. */
export interface WorkerSetup {
  readonly slabs: readonly SharedArrayBuffer[];
  readonly encodings: readonly Encoding[];
  readonly compressor: CompressorName;
}

/** One slab's blocks, by their place in it. The answer is the slab's number alone. */
export interface WorkerTask {
  readonly slab: number;
  readonly blocks: readonly number[];
}

const setup = workerData as WorkerSetup;
const slabs = setup.slabs.map((memory) => slabView(memory, setup.encodings.length));
const compressors = await Promise.all(
  setup.encodings.map((encoding) => openCompressor(encoding, setup.compressor)),
);

parentPort?.on('message', ({ slab: number, blocks }: WorkerTask) => {
  const slab = slabs[number];
  if (!slab) throw new Error(`no slab ${number}`);
  for (const block of blocks) {
    compressors.forEach((compressor, encoding) => {
      const length = compressor.compress(slab.block(block), slab.packedRoom(encoding, block));
      slab.setPackedLength(encoding, block, length);
    });
  }
  parentPort?.postMessage(number);
});
