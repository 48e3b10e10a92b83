import { host } from '#host';
import type { HostWorker, WorkerName } from '../runtime/host.ts';

/** Worker threads that do one kind of task, on memory that they share with this thread. */
export interface TaskPool<Task, Answer> {
  /** Lets a worker do a task. Rejects if a worker has died. */
  run(task: Task): Promise<Answer>;
  /** Stops the workers; tasks under way never settle. */
  close(): Promise<void>;
}

/** A task that is sent to a worker, or the answer that it sends back with the same `id`. */
export interface Numbered<T> {
  readonly id: number;
  readonly value: T;
}

interface Pending<Answer> {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Makes a pool of the workers of that name; each gets a copy of `setup`. A worker is only started
 * when all others are busy, up to `threads`.
 */
export function taskPool<Task, Answer>(
  name: WorkerName,
  setup: unknown,
  threads: number,
): TaskPool<Task, Answer> {
  const workers: { worker: HostWorker; pending: Map<number, Pending<Answer>> }[] = [];
  let failure: Error | undefined;
  let lastId = 0;

  function start(): (typeof workers)[number] {
    const pending = new Map<number, Pending<Answer>>();
    const worker = host.startWorker(name, setup, {
      onMessage(message) {
        const { id, value } = message as Numbered<Answer>; // only `serveTasks` posts
        pending.get(id)?.resolve(value);
        pending.delete(id);
      },
      onError(error) {
        failure = error;
        for (const { reject } of pending.values()) reject(error);
        pending.clear();
      },
    });
    const entry = { worker, pending };
    workers.push(entry);
    return entry;
  }

  /** The least busy worker, or a new one if all have work. */
  function choose(): (typeof workers)[number] {
    const idlest = workers.reduce<(typeof workers)[number] | undefined>(
      (best, next) => (best && best.pending.size <= next.pending.size ? best : next),
      undefined,
    );
    if (idlest && (idlest.pending.size === 0 || workers.length >= threads)) return idlest;
    return start();
  }

  return {
    run: (value) =>
      new Promise((resolve, reject) => {
        if (failure) {
          reject(failure);
          return;
        }
        const { worker, pending } = choose();
        const task: Numbered<Task> = { id: ++lastId, value };
        pending.set(task.id, { resolve, reject });
        worker.post(task);
      }),
    async close() {
      await Promise.all(workers.map(({ worker }) => worker.terminate()));
    },
  };
}
