// `#host` for a browser: a page, or a worker of one.

import { md5, sha1 } from '@noble/hashes/legacy.js';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { browserFiles } from './browser-files.ts';
import { openTemporary } from './browser-storage.ts';
import type { Host, WorkerPort } from './host.ts';
import { pakoHandle } from './pako-handle.ts';
import { web } from './web.ts';

// Web Crypto has no digest of bytes that come one after the other.
const HASHES = { md5, sha1, sha256, sha512 };

export const host: Host = {
  name: 'this browser',
  availableParallelism: () => web.navigator.hardwareConcurrency ?? 1,
  addressSpace: () => Infinity,
  hasher(algorithm) {
    const hash = HASHES[algorithm].create();
    return { update: (bytes) => void hash.update(bytes), digest: () => bytesToHex(hash.digest()) };
  },
  isZero,
  crc32: undefined,
  systemError: () => undefined,
  zlib: () => undefined,
  inflateHandle: pakoHandle,
  version: browserFiles.version,
  wasm: (name) =>
    Promise.resolve(Uint8Array.from(atob(browserFiles.wasm(name)), (each) => each.charCodeAt(0))),
  turn,
  sharesMemory: web.crossOriginIsolated === true,
  startWorker(name, setup, { onMessage, onError }) {
    const worker = browserFiles.startWorker(name);
    worker.onmessage = ({ data }) => onMessage(data);
    worker.onerror = ({ message }) => onError(new Error(`a worker has died: ${message ?? name}`));
    worker.postMessage(setup);
    return {
      post: (message) => worker.postMessage(message),
      terminate() {
        worker.terminate();
        return Promise.resolve();
      },
    };
  },
  workerPort,
  openTemporary,
  temporaryFolder: () => 'the storage of this page',
};

/** By a message: timers wait for some milliseconds. */
function turn(): Promise<void> {
  const { port1, port2 } = new web.MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}

/** The first message is the setup; those that come before there is a listener wait for it. */
function workerPort(): Promise<WorkerPort> {
  // Otherwise nobody would hear of it: only an error reaches the thread that started this one.
  web.onunhandledrejection = ({ reason }) => web.reportError(reason);
  return new Promise((resolve) => {
    web.onmessage = ({ data: setup }) => {
      const waiting: unknown[] = [];
      web.onmessage = ({ data }) => void waiting.push(data);
      resolve({
        setup,
        post: (message) => web.postMessage(message),
        onMessage(listener) {
          web.onmessage = ({ data }) => listener(data);
          for (const message of waiting) listener(message);
        },
      });
    };
  });
}

/** Whether every byte is zero, four at a time: blocks are in buffers that begin at such a byte. */
function isZero(bytes: Uint8Array): boolean {
  const { buffer, byteOffset, length } = bytes;
  const count = byteOffset % 4 === 0 ? Math.floor(length / 4) : 0;
  const words = new Int32Array(buffer, byteOffset - (byteOffset % 4), count);
  for (let at = 0; at < count; at++) if (words[at] !== 0) return false;
  for (let at = 4 * count; at < length; at++) if (bytes[at] !== 0) return false;
  return true;
}
