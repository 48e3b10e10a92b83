import { host } from '#host';
import { errnoOf, KexportError } from '../errors.ts';
import type { HostWorker, WorkerName } from '../runtime/host.ts';

/** Worker threads that do one kind of task, on memory that they share with this thread. */
export interface TaskPool<Task, Answer> {
  /** Lets a worker do a task. Rejects if a worker has died, or the pool was closed before. */
  run(task: Task): Promise<Answer>;
  /** Stops the workers; tasks under way never settle. */
  close(): Promise<void>;
}

/** Prepares what does one task after the other, and whose result is the answer. */
export type StartTasks<Setup, Task, Answer> = (
  setup: Setup,
) => Promise<(task: Task) => Answer> | ((task: Task) => Answer);

/** A task that is sent to a worker, or the answer that it sends back with the same `id`. */
export interface Numbered<T> {
  readonly id: number;
  readonly value: T;
}

interface Pending<Answer> {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

const GIB = 2 ** 30;

/** Address space that Node reserves for the program, and for each worker without WebAssembly. */
const MAIN_SPACE = 2 * GIB;
const WORKER_SPACE = GIB / 2;

/**
 * Makes a pool of the workers of that name, which serve tasks by `start`; each gets a copy of
 * `setup`. A worker is only started when all others are busy, up to `threads`, or as many as the
 * system has room for. `space` is the address space that one reserves, in bytes. Throws a
 * KexportError if there is room for none. With no threads, and where they cannot share memory, this
 * thread does the tasks.
 */
export function taskPool<Setup, Task, Answer>(
  name: WorkerName,
  start: StartTasks<Setup, Task, Answer>,
  setup: Setup,
  threads: number,
  space = WORKER_SPACE,
): TaskPool<Task, Answer> {
  const most = Math.min(threads, threadsThatFit(space));
  if (threads === 0 || !host.sharesMemory) return ownPool(start, setup);
  return workerPool(name, setup, most);
}

/** Does the tasks in this thread. */
function ownPool<Setup, Task, Answer>(
  start: StartTasks<Setup, Task, Answer>,
  setup: Setup,
): TaskPool<Task, Answer> {
  let started: Promise<(task: Task) => Answer> | undefined;
  return {
    async run(task) {
      started ??= Promise.resolve(start(setup));
      return (await started)(task);
    },
    close: () => Promise.resolve(),
  };
}

function workerPool<Task, Answer>(
  name: WorkerName,
  setup: unknown,
  most: number,
): TaskPool<Task, Answer> {
  interface Entry {
    readonly worker: HostWorker;
    readonly pending: Map<number, Pending<Answer>>;
  }
  const workers: Entry[] = [];
  let failure: Error | undefined;
  let lastId = 0;

  function start(): Entry {
    const pending = new Map<number, Pending<Answer>>();
    const worker = host.startWorker(name, setup, {
      onMessage(message) {
        const { id, value } = message as Numbered<Answer>; // only `serveTasks` posts
        pending.get(id)?.resolve(value);
        pending.delete(id);
      },
      onError(error) {
        failure ??= error;
        for (const { reject } of pending.values()) reject(error);
        pending.clear();
      },
    });
    const entry = { worker, pending };
    workers.push(entry);
    return entry;
  }

  /** The least busy worker, or a new one if all have work. */
  function choose(): Entry {
    const idlest = workers.reduce<Entry | undefined>(
      (best, next) => (best && best.pending.size <= next.pending.size ? best : next),
      undefined,
    );
    if (idlest && (idlest.pending.size === 0 || workers.length >= most)) return idlest;
    try {
      return start();
    } catch (error) {
      if (!idlest || errnoOf(error) !== 'ERR_WORKER_INIT_FAILED') throw error;
      most = workers.length; // the system has no more threads for this user
      return idlest;
    }
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
      failure ??= new Error('the workers are stopped');
      await Promise.all(workers.map(({ worker }) => worker.terminate()));
    },
  };
}

function threadsThatFit(space: number): number {
  const limit = host.addressSpace();
  const count = Math.floor((limit - MAIN_SPACE) / space);
  if (count >= 1) return count;
  const gib = (bytes: number) => `${(bytes / GIB).toFixed(1)} GiB`;
  const what = `the limit on virtual memory (ulimit -v) is ${gib(limit)}`;
  throw new KexportError('unsupported', `${what}, one thread needs ${gib(MAIN_SPACE + space)}`, {
    hint: 'raise it; the compressor zlib reserves less than wasm',
  });
}
