// Hashes whole images in threads of their own, where there are enough processors. A hash goes from
// front to back, so one thread computes it; but several are computed side by side. What lies in
// shared memory is hashed in place.

import { host } from '#host';
import type { HashAlgorithm } from '../../formats/contract.ts';
import { errnoOf, KexportError, throwIfAborted } from '../errors.ts';
import { type TaskPool, taskPool } from '../workers/task-pool.ts';
import { type HashPiece, hashPieces, type HashTask } from './hash-pieces.ts';
import { type LongHash, ownHash } from './long-hash.ts';

/** Threads that hash. */
export interface HashThreads {
  /** Starts a hash. The first few MiB start no thread. */
  open(algorithm: HashAlgorithm): LongHash;
  /** Stops the threads, and gives up the hashes that have not ended. */
  close(): Promise<void>;
}

/** Up to so many threads leave no processor for another: the main thread then hashes. */
const FEW_THREADS = 4;

/** What the main thread hashes in the time in which a worker starts, in bytes. */
const SMALL_IMAGE = 2 ** 22;

/** How many zeros a thread hashes before it can be stopped. */
const ZEROS_STEP = 2 ** 28;

/** Whether there are other threads for hashes, with so many that compress. */
export function hashesInThreads(threads: number): boolean {
  return threads > FEW_THREADS && host.sharesMemory;
}

/** A thread, and how many hashes it computes. */
interface Thread {
  readonly pool: TaskPool<HashTask, string | undefined>;
  users: number;
}

/**
 * Makes threads for hashes, half as many at most as those that compress. Each is started when a
 * hash has need of it, and stopped with the last hash that uses it.
 */
export function hashThreads(threads: number): HashThreads {
  if (!hashesInThreads(threads)) {
    return {
      open: (algorithm) => ownHash(host.hasher(algorithm)),
      close: () => Promise.resolve(),
    };
  }
  const most = Math.floor(threads / 2);
  const running = new Set<Thread>();
  const hashes = new Set<LongHash>();
  let lastId = 0;

  function takeThread(): Thread {
    const [idlest] = [...running].sort((one, other) => one.users - other.users);
    if (idlest && (idlest.users === 0 || running.size >= most)) return use(idlest);
    const made = { pool: taskPool('hash', hashPieces, undefined, 1), users: 0 };
    running.add(made);
    return use(made);
  }

  function use(thread: Thread): Thread {
    thread.users++;
    return thread;
  }

  async function leaveThread(thread: Thread): Promise<void> {
    if (--thread.users > 0) return;
    running.delete(thread);
    await thread.pool.close();
  }

  return {
    open(algorithm) {
      const hash: LongHash = threadHash(algorithm, ++lastId, {
        take: takeThread,
        leave: leaveThread,
        onEnd: () => void hashes.delete(hash),
      });
      hashes.add(hash);
      return hash;
    },
    async close() {
      await Promise.all([...hashes].map((hash) => hash.close()));
    },
  };
}

interface Threads {
  take(): Thread;
  leave(thread: Thread): Promise<void>;
  onEnd(): void;
}

function threadHash(algorithm: HashAlgorithm, id: number, threads: Threads): LongHash {
  let pieces: HashPiece[] = []; // what was not sent
  let size = 0; // their bytes
  let thread: Thread | undefined;
  let own: LongHash | undefined; // of a small image, and where no thread can be had
  let isEnded = false;

  const self: LongHash = {
    update(bytes) {
      if (own) own.update(bytes);
      else add(thread && isShared(bytes) ? bytes : Uint8Array.from(bytes));
    },
    zeros(count) {
      if (own) own.zeros(count);
      else if (count > 0) add(count);
    },
    async addZeros(count, signal) {
      for (let left = count; left > 0; left -= ZEROS_STEP) {
        self.zeros(Math.min(left, ZEROS_STEP));
        await self.flush();
        throwIfAborted(signal);
      }
    },
    async flush() {
      if (!thread && size <= SMALL_IMAGE) return;
      if (pieces.length > 0) await send('more');
    },
    async digest() {
      try {
        const sent = thread && (await send('end'));
        return sent ?? (await hashHere().digest());
      } finally {
        await end();
      }
    },
    close: end,
  };
  return self;

  function add(piece: HashPiece): void {
    size += typeof piece === 'number' ? piece : piece.length;
    const last = pieces.at(-1);
    const joined = last === undefined ? undefined : join(last, piece);
    if (joined === undefined) pieces.push(piece);
    else pieces[pieces.length - 1] = joined;
  }

  /** Sends what has waited. Where no thread can be started, this one hashes it. */
  async function send(then: HashTask['then']): Promise<string | undefined> {
    const task = { hash: id, algorithm, pieces, then };
    const isFirst = thread === undefined;
    try {
      thread ??= threads.take();
      pieces = [];
      return await thread.pool.run(task);
    } catch (error) {
      if (!isFirst || !hasNoThread(error)) throw error;
      if (thread) await threads.leave(thread);
      thread = undefined;
      ({ pieces } = task);
      hashHere();
      return undefined;
    }
  }

  /** Hashes what has waited in this thread, and from now on all. */
  function hashHere(): LongHash {
    own ??= ownHash(host.hasher(algorithm));
    for (const piece of pieces) {
      if (typeof piece === 'number') own.zeros(piece);
      else own.update(piece);
    }
    pieces = [];
    return own;
  }

  async function end(): Promise<void> {
    if (isEnded) return;
    isEnded = true;
    threads.onEnd();
    if (!thread) return;
    // The thread may go on for others. If it has died, they hear of it.
    const task: HashTask = { hash: id, algorithm, pieces: [], then: 'give up' };
    thread.pool.run(task).catch(() => undefined);
    await threads.leave(thread);
  }
}

/** Two pieces as one, if they follow each other in shared memory, or are both zeros. */
function join(one: HashPiece, other: HashPiece): HashPiece | undefined {
  if (typeof one === 'number' || typeof other === 'number') {
    return typeof one === 'number' && typeof other === 'number' ? one + other : undefined;
  }
  const { buffer, byteOffset, length } = one;
  if (!isShared(one) || buffer !== other.buffer) return undefined;
  if (byteOffset + length !== other.byteOffset) return undefined;
  return new Uint8Array(buffer, byteOffset, length + other.length);
}

function isShared({ buffer }: Uint8Array): boolean {
  return buffer instanceof SharedArrayBuffer;
}

/** `ulimit -v`, or more threads than the user may have. */
function hasNoThread(error: unknown): boolean {
  if (errnoOf(error) === 'ERR_WORKER_INIT_FAILED') return true;
  return error instanceof KexportError && error.code === 'unsupported';
}
