import { host } from '#host';
import type { Numbered, StartTasks } from './task-pool.ts';

/**
 * Runs the tasks of a pool in a worker: call it once in the module of the worker. `start` gets the
 * setup that the pool was made with, and returns the function that does one task and whose result
 * is sent back.
 */
export async function serveTasks<Setup, Task, Answer>(
  start: StartTasks<Setup, Task, Answer>,
): Promise<void> {
  const port = await host.workerPort();
  const work = await start(port.setup as Setup); // only `taskPool` starts workers
  port.onMessage((message) => {
    const { id, value } = message as Numbered<Task>; // only the pool posts
    const answer: Numbered<Answer> = { id, value: work(value) };
    port.post(answer);
  });
}
