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
  /** Compresses those blocks of the slab in every encoding. One call per slab at a time. */
  compress(slab: Slab, blocks: readonly number[]): Promise<void>;
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
}

export function compressPool({ threads, ...setup }: PoolOptions): CompressPool {
  const workerSetup: WorkerSetup = setup;
  const pool = taskPool<WorkerSetup, WorkerTask, undefined>(
    'compress',
    compressSlabs,
    workerSetup,
    setup.compressor === 'pako' ? Math.min(threads, MAX_PAKO_THREADS) : threads,
    setup.compressor === 'wasm' ? WASM_SPACE : undefined,
  );
  return {
    compress: ({ number }, blocks) => pool.run({ slab: number, blocks }),
    close: () => pool.close(),
  };
}
