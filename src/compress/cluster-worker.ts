// A worker thread: compresses clusters of an overlay, where they lie.

import { parentPort, workerData } from 'node:worker_threads';
import type { Encoding } from '../../formats/index.ts';
import { clusterSlab } from '../cluster-slab.ts';
import type { Numbered } from '../task-pool.ts';
import { type CompressorName, openCompressor } from './compressor.ts';

/** What a worker is started with. */
export interface ClusterSetup {
  readonly slabs: readonly SharedArrayBuffer[];
  readonly clusterSize: number;
  readonly encoding: Encoding;
  readonly compressor: CompressorName;
}

/** Clusters of one slab, by their place in it. */
export interface ClusterTask {
  readonly slab: number;
  readonly places: readonly number[];
}

const setup = workerData as ClusterSetup;
const slabs = setup.slabs.map((memory) => clusterSlab(memory, setup.clusterSize));
const compressor = await openCompressor(setup.encoding, setup.compressor);

// The answer is how long each is, packed.
parentPort?.on('message', ({ id, value: { slab: number, places } }: Numbered<ClusterTask>) => {
  const slab = slabs[number];
  if (!slab) throw new Error(`no slab ${number}`);
  const lengths = places.map((place) => compressor.compress(slab.cluster(place), slab.room(place)));
  const answer: Numbered<readonly number[]> = { id, value: lengths };
  parentPort?.postMessage(answer);
});
