// Where the files of kexport's own are: here, as `tsc` and `asc` leave them in dist/. In a bundle
// own-files-inside.ts takes the place of this file. Nothing else asks where a file of kexport is.

import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { WasmName, WorkerName } from './host.ts';

export interface OwnFiles {
  readonly version: () => string;
  readonly wasm: (name: WasmName) => Promise<Uint8Array>;
  /** The module of a worker, or its text, a CommonJS module. */
  readonly worker: (name: WorkerName) => URL | string;
  /** The page for browsers, as one file of HTML. */
  readonly page: () => Promise<Uint8Array>;
}

const WASM: Readonly<Record<WasmName, string>> = {
  deflate: '../compress/deflate/deflate.wasm',
  'zfs-send': '../zfs-send/zfs-send.wasm',
};

export const ownFiles: OwnFiles = {
  version() {
    const path = new URL('../../../package.json', import.meta.url);
    return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
  },
  wasm: (name) => readFile(new URL(WASM[name], import.meta.url)),
  worker: (name) => new URL(`../${name}/worker.js`, import.meta.url),
  page: () => readFile(new URL('../../kexport.html', import.meta.url)),
};
