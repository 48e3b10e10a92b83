// Module of the worker threads that fill slabs of shared memory with extents of a disk.

import { serveTasks } from '../workers/serve-tasks.ts';
import { fillWindow, type FillTask } from './fill-window.ts';

/** Setup of a worker: the slabs, by their numbers. */
export type FillSetup = readonly SharedArrayBuffer[];

// The answer is a problem, or undefined.
void serveTasks((memories: FillSetup) => {
  const slabs = memories.map((memory) => new Uint8Array(memory));
  const fill = fillWindow();
  return (task: FillTask) => {
    const slab = slabs[task.slab];
    if (!slab) throw new Error(`no slab ${task.slab}`);
    return fill(slab, task);
  };
});
