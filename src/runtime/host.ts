// The interface to the platform, for what JavaScript alone does not have. `#host` in package.json
// maps to its implementation: node.ts for Node. Everything that `encode` loads uses it and has no
// other dependency on Node.

import type { HashAlgorithm, Hasher } from '../../formats/contract.ts';
import type { ZlibHandle } from './zlib-handle.ts';

/** The platform that kexport runs on. */
export interface Host {
  /** Name and version of the platform: `Node v20.19.0`. */
  readonly name: string;
  /** How many threads the machine can run at once. */
  availableParallelism(): number;
  /** How much address space the process may use, in bytes, as `ulimit -v` sets it. */
  addressSpace(): number;
  readonly hasher: (algorithm: HashAlgorithm) => Hasher;
  /** Whether every byte is zero. */
  isZero(bytes: Uint8Array): boolean;
  /**
   * The CRC-32 of bytes, where `before` is that of the bytes before them; undefined if the platform
   * has no native one.
   */
  readonly crc32: ((bytes: Uint8Array, before: number) => number) | undefined;
  /**
   * The name and the description of a failed system call, by `Error.errno`; undefined if it is
   * unknown.
   */
  systemError(errno: number): readonly [name: string, words: string] | undefined;
  /** Node's zlib; undefined if the platform has none. */
  readonly zlib: () => Zlib | undefined;
  /** Opens a decompressor of zlib; undefined if only documented calls of `zlib` can be had. */
  inflateHandle(kind: InflateKind): ZlibHandle | undefined;
  /** The version of kexport. */
  version(): string;
  /** Reads one of kexport's own WebAssembly modules. */
  wasm(name: WasmName): Promise<Uint8Array>;
  /** Waits for the next turn of the event loop, in which a signal can be heard. */
  turn(): Promise<void>;
  /** Whether threads can share memory; if not, nothing starts one. */
  readonly sharesMemory: boolean;
  /** Starts a thread. It calls `workerPort`, whose `setup` is a copy of this one. */
  startWorker(name: WorkerName, setup: unknown, listener: WorkerListener): HostWorker;
  /** In a worker: the port to the thread that started it. */
  workerPort(): Promise<WorkerPort>;
  /** Opens a temporary file that disappears however the program ends. */
  openTemporary(): Promise<SystemFile>;
  /** The folder of temporary files, for messages. */
  temporaryFolder(): string;
}

/** A WebAssembly module, compiled from the `assembly/` of a room. */
export type WasmName = 'deflate' | 'zfs-send';

/** The `worker.ts` of a room. */
export type WorkerName = 'compress' | 'decompress' | 'hash';

/** A stream of RFC 1952, RFC 1951 or RFC 1950. */
export type InflateKind = 'gzip' | 'deflate' | 'zlib';

/** Node's own zlib, including its undocumented handles: see `zlib-handle.ts`. */
export type Zlib = typeof import('node:zlib');

/** A worker, as seen by the thread that started it. */
export interface HostWorker {
  post(message: unknown): void;
  /** Stops it, after the task that is under way at the most. */
  terminate(): Promise<void>;
}

export interface WorkerListener {
  readonly onMessage: (message: unknown) => void;
  /** Called if the worker has died. */
  readonly onError: (error: Error) => void;
}

export interface WorkerPort {
  readonly setup: unknown;
  post(message: unknown): void;
  onMessage(listener: (message: unknown) => void): void;
}

/**
 * An open file. As in the operating system, a call may read or write less than requested. Throws
 * the error of the system.
 */
export interface SystemFile {
  /** Reads from a position into `target`; returns the number of bytes, 0 at the end of the file. */
  read(position: number, target: Uint8Array): Promise<number>;
  /**
   * Writes buffers, one after the other, from a position on, or at the current position of the file
   * if that is undefined; returns the number of bytes.
   */
  write(position: number | undefined, buffers: readonly Uint8Array[]): Promise<number>;
  truncate(size: number): Promise<void>;
  close(): Promise<void>;
}
