// `#host` for Node.

import { createHash, randomBytes } from 'node:crypto';
import { open, readFile, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { getSystemErrorMap } from 'node:util';
import { parentPort, Worker, workerData } from 'node:worker_threads';
import type { Host, SystemFile } from './host.ts';

// Enough for the messages of a worker; its buffers are in shared memory, which does not count.
const WORKER_YOUNG_GENERATION_MB = 4;

export const host: Host = {
  name: `Node ${process.version}`,
  availableParallelism,
  hasher(algorithm) {
    const hash = createHash(algorithm);
    return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest('hex') };
  },
  isZero,
  get crc32() {
    return crc32OfZlib();
  },
  systemError: (errno) => getSystemErrorMap().get(errno),
  zlib: () => import('node:zlib').catch(() => undefined),
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

/** Loads zlib on the first use. The oldest supported Node has neither of the two calls. */
function crc32OfZlib(): Host['crc32'] {
  const node: Partial<Pick<NodeJS.Process, 'getBuiltinModule'>> = process; // from 20.16 on
  const zlib: { readonly crc32?: Host['crc32'] } | undefined = node.getBuiltinModule?.('node:zlib');
  return zlib?.crc32;
}

async function openTemporary(): Promise<SystemFile> {
  const path = join(tmpdir(), `kexport-${randomBytes(8).toString('hex')}.spool`);
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
