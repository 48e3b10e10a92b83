import { host } from '#host';
import type { Numbered } from './task-pool.ts';

/**
 * The other side of a task pool: called once in the module of a worker. `start` is given what the
 * pool was made with, and answers the function that does one task, whose value is sent back.
 */
export async function serveTasks<Task, Answer>(
  start: (setup: never) => Promise<(task: Task) => Answer> | ((task: Task) => Answer),
): Promise<void> {
  const port = host.workerPort();
  const work = await start(port.setup as never);
  port.onMessage((message) => {
    const { id, value } = message as Numbered<Task>; // of the pool
    const answer: Numbered<Answer> = { id, value: work(value) };
    port.post(answer);
  });
}
