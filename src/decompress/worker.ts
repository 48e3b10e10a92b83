// A worker thread: reads and decompresses what belongs into a slab of shared memory, and makes the
// rest of it zeros.

import { serveTasks } from '../workers/serve-tasks.ts';
import { fillWindow, type FillTask } from './fill-window.ts';

/** What a worker is started with: the slabs, by their numbers. */
export type FillSetup = readonly SharedArrayBuffer[];

// The answer is what went wrong, if something did.
void serveTasks((memories: FillSetup) => {
  const slabs = memories.map((memory) => new Uint8Array(memory));
  const fill = fillWindow();
  return (task: FillTask) => {
    const slab = slabs[task.slab];
    if (!slab) throw new Error(`no slab ${task.slab}`);
    return fill(slab, task);
  };
});
