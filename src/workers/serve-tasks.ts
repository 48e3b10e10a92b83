import { parentPort, workerData } from 'node:worker_threads';
import type { Numbered } from './task-pool.ts';

/**
 * The other side of a task pool: called once in the module of a worker. `start` is given what the pool was made with, and
 * answers the function that does one task, whose value is sent back.
 */
export async function serveTasks<Task, Answer>(
  start: (setup: never) => Promise<(task: Task) => Answer> | ((task: Task) => Answer),
): Promise<void> {
  const work = await start(workerData as never);
  parentPort?.on('message', ({ id, value }: Numbered<Task>) => {
    const answer: Numbered<Answer> = { id, value: work(value) };
    parentPort?.postMessage(answer);
  });
}
