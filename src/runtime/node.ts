// `#host` for Node.

import { open, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { getSystemErrorMap } from 'node:util';
import { parentPort, Worker, workerData } from 'node:worker_threads';
import type { Host, SystemFile, Zlib } from './host.ts';

// Modules that take milliseconds to load are loaded on their first use, since every worker loads
// this file.
const load = createRequire(import.meta.url);

// Enough for the messages of a worker; its buffers are in shared memory, which does not count.
const WORKER_YOUNG_GENERATION_MB = 4;

export const host: Host = {
  name: `Node ${process.version}`,
  availableParallelism,
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
  ownFile: (url) => readFile(url),
  startWorker(module, setup, { onMessage, onError }) {
    const worker = new Worker(module, {
      workerData: setup,
      execArgv: [], // a worker is a plain module, however the program was started
      resourceLimits: { maxYoungGenerationSizeMb: WORKER_YOUNG_GENERATION_MB },
    });
    worker.on('message', onMessage);
    worker.on('error', (error) => {
      onError(error instanceof Error ? error : new Error(String(error)));
    });
    return {
      post: (message) => worker.postMessage(message),
      async terminate() {
        await worker.terminate();
      },
    };
  },
  workerPort() {
    const port = parentPort;
    if (!port) throw new Error('this is not a worker');
    return {
      setup: workerData as unknown,
      post: (message) => port.postMessage(message),
      onMessage(listener) {
        port.on('message', listener);
      },
    };
  },
  openTemporary,
  temporaryFolder: tmpdir,
};

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
