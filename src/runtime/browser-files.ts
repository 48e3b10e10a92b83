// The files of kexport's own in the library for browsers: WebAssembly inside, workers beside it.
// In the page, which is one file, browser-files-inside.ts takes the place of this file.

import type { WasmName, WorkerName } from './host.ts';
import type { InsideFiles } from './own-files-inside.ts';
import type { WebWorker } from './web.ts';

declare const KEXPORT_FILES: InsideFiles;
declare const Worker: new (script: URL, options: { type: 'module' }) => WebWorker;

/** Where a browser has the files of kexport's own. */
export interface BrowserFiles {
  readonly version: () => string;
  /** In base64. */
  readonly wasm: (name: WasmName) => string;
  readonly startWorker: (name: WorkerName) => WebWorker;
}

// Vite, webpack and others know a worker by this very expression.
const WORKERS: Readonly<Record<WorkerName, () => WebWorker>> = {
  compress: () => new Worker(new URL('./compress-worker.js', import.meta.url), { type: 'module' }),
  decompress: () =>
    new Worker(new URL('./decompress-worker.js', import.meta.url), { type: 'module' }),
  hash: () => new Worker(new URL('./hash-worker.js', import.meta.url), { type: 'module' }),
};

export const browserFiles: BrowserFiles = {
  version: () => KEXPORT_FILES.version,
  wasm: (name) => KEXPORT_FILES.wasm[name],
  startWorker: (name) => WORKERS[name](),
};
