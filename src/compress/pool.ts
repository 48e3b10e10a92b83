import { Worker } from 'node:worker_threads';
import type { Encoding } from '../../formats/index.ts';
import type { Slab } from '../slab.ts';
import type { CompressorName } from './compressor.ts';
import type { WorkerSetup, WorkerTask } from './worker.ts';

// Enough for the messages of a worker; its buffers are shared memory, which does not count.
const WORKER_YOUNG_GENERATION_MB = 4;

/** Worker threads that compress slabs in place. */
export interface CompressPool {
  /** Fills in the packed form of those blocks of the slab, in every encoding. One call per slab at a time. */
  compress(slab: Slab, blocks: readonly number[]): Promise<void>;
  /** Stops the workers; calls under way never settle. */
  close(): Promise<void>;
}

export interface PoolOptions {
  /** Every slab that will be compressed. */
  readonly slabs: readonly Slab[];
  readonly encodings: readonly Encoding[];
  readonly threads: number;
  readonly compressor: CompressorName;
}

interface Pending {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Starts no worker yet: each is started when those before it are busy. */
export function compressPool({ slabs, encodings, threads, compressor }: PoolOptions): CompressPool {
  const numbers = new Map(slabs.map((slab, number) => [slab, number]));
  const workers: { worker: Worker; pending: Map<number, Pending> }[] = [];
  let failure: Error | undefined;

  function start(): (typeof workers)[number] {
    const setup: WorkerSetup = { slabs: slabs.map(({ memory }) => memory), encodings, compressor };
    const worker = new Worker(new URL('./worker.js', import.meta.url), {
      workerData: setup,
      execArgv: [], // a worker is a plain module, however the program was started
      resourceLimits: { maxYoungGenerationSizeMb: WORKER_YOUNG_GENERATION_MB },
    });
    const pending = new Map<number, Pending>();
    worker.on('message', (number: number) => {
      pending.get(number)?.resolve();
      pending.delete(number);
    });
    worker.on('error', (error) => {
      failure = error instanceof Error ? error : new Error(String(error));
      for (const { reject } of pending.values()) reject(failure);
      pending.clear();
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
    compress(slab, blocks) {
      const number = numbers.get(slab);
      if (number === undefined) throw new Error('a slab of another pool');
      return new Promise((resolve, reject) => {
        if (failure) {
          reject(failure);
          return;
        }
        const { worker, pending } = choose();
        pending.set(number, { resolve, reject });
        const task: WorkerTask = { slab: number, blocks };
        worker.postMessage(task);
      });
    },
    async close() {
      await Promise.all(workers.map(({ worker }) => worker.terminate()));
    },
  };
}
