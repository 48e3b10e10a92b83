// A worker thread: reads and unpacks what belongs into a slab of shared memory, and makes the rest of it zeros.

import { parentPort, workerData } from 'node:worker_threads';
import type { Numbered } from '../task-pool.ts';
import { type FillProblem, fillWindow, type FillTask } from './fill-window.ts';

/** What a worker is started with: the slabs, by their numbers. */
export type UnpackSetup = readonly SharedArrayBuffer[];

const slabs = (workerData as UnpackSetup).map((memory) => Buffer.from(memory));
const fill = fillWindow();

// The answer is what went wrong, if something did.
parentPort?.on('message', ({ id, value }: Numbered<FillTask>) => {
  const slab = slabs[value.slab];
  if (!slab) throw new Error(`no slab ${value.slab}`);
  const answer: Numbered<FillProblem | undefined> = { id, value: fill(slab, value) };
  parentPort?.postMessage(answer);
});
