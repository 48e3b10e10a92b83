// `#host` for Node.

import { createRequire } from 'node:module';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { getSystemErrorMap } from 'node:util';
import type { Host, SystemFile, Zlib } from './host.ts';
import { ownFiles } from './own-files.ts';
import { zlibHandle } from './zlib-handle.ts';

// Modules that take milliseconds to load are loaded on their first use, since every worker loads
// this file. Modules of Node are the same from every path; a bundle need not have a URL.
const load = createRequire('/');

// Enough for the messages of a worker; its buffers are in shared memory, which does not count.
const WORKER_YOUNG_GENERATION_MB = 4;

/** The message to a worker that it is to end by itself. */
const END = 'end';
/** How long it may take for that: it has a task under way, and another waits. In milliseconds. */
const WORKER_PATIENCE_MS = 2000;

export const host: Host = {
  name: `Node ${process.version}`,
  availableParallelism,
  addressSpace,
  hasher(algorithm) {
    const { createHash } = load('node:crypto') as typeof import('node:crypto');
    const hash = createHash(algorithm);
    return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest('hex') };
  },
  isZero,
  get crc32() {
    const zlib: Partial<Pick<Zlib, 'crc32'>> | undefined = nodeZlib(); // from Node 20.15 on
    return zlib?.crc32;
  },
  systemError: (errno) => getSystemErrorMap().get(errno),
  zlib: nodeZlib,
  inflateHandle(kind) {
    const zlib = nodeZlib();
    const create = {
      gzip: 'createGunzip',
      deflate: 'createInflateRaw',
      zlib: 'createInflate',
    } as const;
    return zlib && zlibHandle(zlib[create[kind]]());
  },
  version: ownFiles.version,
  wasm: ownFiles.wasm,
  turn: () => new Promise((resolve) => setImmediate(resolve)),
  sharesMemory: true,
  startWorker(name, setup, { onMessage, onError }) {
    const code = ownFiles.worker(name);
    const { Worker } = threads();
    const worker = new Worker(code, {
      eval: typeof code === 'string',
      workerData: setup,
      execArgv: [], // a worker is a plain module, however the program was started
      resourceLimits: { maxYoungGenerationSizeMb: WORKER_YOUNG_GENERATION_MB },
    });
    worker.on('message', onMessage);
    worker.on('error', (error) => {
      onError(error instanceof Error ? error : new Error(String(error)));
    });
    let isEnding = false;
    const exited = new Promise<void>((resolve) => {
      worker.once('exit', (status) => {
        if (!isEnding) onError(new Error(`a worker has ended with status ${status}`));
        resolve();
      });
    });
    return {
      post: (message) => worker.postMessage(message),
      // Node aborts if a worker is ended while it makes a handle of zlib: "close before init".
      async terminate() {
        isEnding = true;
        worker.postMessage(END);
        const timer = setTimeout(() => void worker.terminate(), WORKER_PATIENCE_MS);
        await exited;
        clearTimeout(timer);
      },
    };
  },
  workerPort() {
    const { parentPort: port, workerData: setup } = threads() as WorkerSide;
    if (!port) throw new Error('this is not a worker');
    return Promise.resolve({
      setup,
      post: (message) => port.postMessage(message),
      onMessage(listener) {
        port.on('message', (message) => {
          if (message === END) port.close();
          else listener(message);
        });
      },
    });
  },
  openTemporary,
  temporaryFolder: tmpdir,
};

function threads(): typeof import('node:worker_threads') {
  return load('node:worker_threads') as typeof import('node:worker_threads');
}

/** Node declares `workerData` as `any`. */
type WorkerSide = Pick<typeof import('node:worker_threads'), 'parentPort'> & {
  readonly workerData: unknown;
};

/** Infinity without a limit, and where that cannot be known. */
function addressSpace(): number {
  const { readFileSync } = load('node:fs') as typeof import('node:fs');
  try {
    const limits = readFileSync('/proc/self/limits', 'latin1');
    return Number(/^Max address space\s+(\d+)/m.exec(limits)?.[1] ?? Infinity);
  } catch {
    return Infinity;
  }
}

const ZEROS = Buffer.alloc(2 ** 16);

/** Compares by memcmp, which returns at the first byte that differs. */
function isZero(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at += ZEROS.length) {
    const end = Math.min(at + ZEROS.length, bytes.length);
    if (ZEROS.compare(bytes, at, end, 0, end - at) !== 0) return false;
  }
  return true;
}

/** Undefined in a Node that was built without zlib. */
function nodeZlib(): Zlib | undefined {
  try {
    return load('node:zlib') as Zlib;
  } catch {
    return undefined;
  }
}

async function openTemporary(): Promise<SystemFile> {
  const { open, rm } = load('node:fs/promises') as typeof import('node:fs/promises');
  const path = join(tmpdir(), `kexport-${crypto.randomUUID()}.spool`);
  const file = await open(path, 'wx+', 0o600);
  await rm(path);
  return {
    async read(position, target) {
      return (await file.read(target, 0, target.length, position)).bytesRead;
    },
    async write(position, buffers) {
      return (await file.writev(buffers, position)).bytesWritten;
    },
    truncate: (size) => file.truncate(size),
    close: () => file.close(),
  };
}
