import type { Encoding } from '../../formats/index.ts';
import type { Slab, SlabShape } from '../workers/slab.ts';
import { taskPool } from '../workers/task-pool.ts';
import type { CompressorName } from './compressor.ts';
import { compressSlabs, type WorkerSetup, type WorkerTask } from './compress-slabs.ts';

/** What V8 reserves of the address space for the memory of WebAssembly, in bytes, and more. */
const WASM_SPACE = 12 * 2 ** 30;

/** With more, what pako leaves to the garbage collector takes more than 16 MiB a thread. */
const MAX_PAKO_THREADS = 4;

/** Worker threads that compress slabs in place. */
export interface CompressPool {
  /**
   * Compresses those blocks of the slab in every encoding, and returns the `blockHash` of each if
   * the pool hashes. One call per slab at a time.
   */
  compress(slab: Slab, blocks: readonly number[]): Promise<readonly string[]>;
  /** Stops the workers; calls under way never settle. */
  close(): Promise<void>;
}

export interface PoolOptions {
  /** The memory of the slabs. */
  readonly memory: ArrayBufferLike;
  readonly shape: SlabShape;
  readonly encodings: readonly Encoding[];
  readonly threads: number;
  readonly compressor: CompressorName;
  /** Whether the blocks are hashed, too. Default false. */
  readonly hashes?: boolean;
}

/** The most blocks of one task: of a large slab that is only hashed, several workers take parts. */
const TASK_BLOCKS = 16;

export function compressPool({ threads, hashes = false, ...setup }: PoolOptions): CompressPool {
  const workerSetup: WorkerSetup = { ...setup, hashes };
  const hasWasm = setup.compressor === 'wasm' && setup.encodings.length > 0;
  const pool = taskPool<WorkerSetup, WorkerTask, readonly string[]>(
    'compress',
    compressSlabs,
    workerSetup,
    setup.compressor === 'pako' ? Math.min(threads, MAX_PAKO_THREADS) : threads,
    hasWasm ? WASM_SPACE : undefined,
  );
  return {
    async compress({ number }, blocks) {
      const tasks: Promise<readonly string[]>[] = [];
      for (let at = 0; at < blocks.length; at += TASK_BLOCKS) {
        tasks.push(pool.run({ slab: number, blocks: blocks.slice(at, at + TASK_BLOCKS) }));
      }
      return (await Promise.all(tasks)).flat();
    },
    close: () => pool.close(),
  };
}
