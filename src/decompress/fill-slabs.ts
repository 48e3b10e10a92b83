import { type FillProblem, type FillTask, fillWindow } from './fill-window.ts';

/** Setup of a worker: the slabs, by their numbers. */
export type FillSetup = readonly ArrayBufferLike[];

/** Fills slabs, as a worker does it. The answer is a problem, or undefined. */
export function fillSlabs(memories: FillSetup): (task: FillTask) => FillProblem | undefined {
  const slabs = memories.map((memory) => new Uint8Array(memory));
  const fill = fillWindow();
  return (task) => {
    const slab = slabs[task.slab];
    if (!slab) throw new Error(`no slab ${task.slab}`);
    return fill(slab, task);
  };
}
