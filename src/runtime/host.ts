// What kexport needs of the machine that JavaScript alone does not have. `#host` in package.json is
// where it comes from: node.ts for Node. Everything that `encode` loads asks there for it, and
// nothing else of it knows Node.

import type { Hasher } from '../../formats/contract.ts';

/** The platform that kexport runs on. */
export interface Host {
  /** As people know it, with its version: `Node v20.19.0`. */
  readonly name: string;
  /** How many threads the machine works on at once. */
  availableParallelism(): number;
  readonly hasher: (algorithm: 'sha1' | 'sha256' | 'sha512') => Hasher;
  /** Whether every byte is zero. */
  isZero(bytes: Uint8Array): boolean;
  /**
   * CRC-32 of bytes that follow others with the CRC-32 `before`; undefined where only JavaScript
   * can.
   */
  readonly crc32: ((bytes: Uint8Array, before: number) => number) | undefined;
  /**
   * The name and the words for a failed system call, by `Error.errno`; undefined if it is unknown.
   */
  systemError(errno: number): readonly [name: string, words: string] | undefined;
  /** Node's zlib; undefined where there is none. */
  readonly zlib: () => Zlib | undefined;
  /** The version of kexport. */
  version(): string;
  /** The bytes of a WebAssembly module of kexport's own. */
  wasm(name: WasmName): Promise<Uint8Array>;
  /** Starts a thread, which calls `workerPort`; the `setup` of that is a copy of this one. */
  startWorker(name: WorkerName, setup: unknown, listener: WorkerListener): HostWorker;
  /** In a worker: its side of the line to the thread that started it. */
  workerPort(): WorkerPort;
  /** Opens a temporary file that is gone however the program ends. */
  openTemporary(): Promise<SystemFile>;
  /** Where those files are, for people. */
  temporaryFolder(): string;
}

/** WebAssembly of kexport's own, compiled from the `assembly/` of a room. */
export type WasmName = 'deflate' | 'zfs-send';

/** The `worker.ts` of a room. */
export type WorkerName = 'compress' | 'decompress';

/** Node's own zlib, with what is below its streaming interface: see `zlib-handle.ts`. */
export type Zlib = typeof import('node:zlib');

/** A worker as the thread that started it has it. */
export interface HostWorker {
  post(message: unknown): void;
  /** Stops it where it stands. */
  terminate(): Promise<void>;
}

export interface WorkerListener {
  readonly onMessage: (message: unknown) => void;
  /** The worker has died. */
  readonly onError: (error: Error) => void;
}

export interface WorkerPort {
  readonly setup: unknown;
  post(message: unknown): void;
  onMessage(listener: (message: unknown) => void): void;
}

/**
 * An open file as the system has it: a call may do less than it is asked for, and throws what the
 * system says.
 */
export interface SystemFile {
  /** Reads from a position into `target`; answers how many bytes, 0 at the end of the file. */
  read(position: number, target: Uint8Array): Promise<number>;
  /**
   * Writes buffers one after the other at a position, or where the file is if that is undefined;
   * answers how many bytes.
   */
  write(position: number | undefined, buffers: readonly Uint8Array[]): Promise<number>;
  truncate(size: number): Promise<void>;
  close(): Promise<void>;
}
