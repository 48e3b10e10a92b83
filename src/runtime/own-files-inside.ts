// The files of kexport's own in a bundle, which has them inside: packaging/bundle.ts puts this file
// in the place of own-files.ts, and the constant into it.

import type { WasmName, WorkerName } from './host.ts';
import type { OwnFiles } from './own-files.ts';

/** What a bundle has inside. */
export interface InsideFiles {
  readonly version: string;
  /** In base64. */
  readonly wasm: Readonly<Record<WasmName, string>>;
  /** The text of a CommonJS module. */
  readonly workers: Readonly<Record<WorkerName, string>>;
}

declare const KEXPORT_FILES: InsideFiles;

export const ownFiles: OwnFiles = {
  version: () => KEXPORT_FILES.version,
  wasm: (name) => Promise.resolve(Buffer.from(KEXPORT_FILES.wasm[name], 'base64')),
  worker: (name) => KEXPORT_FILES.workers[name],
  async page() {
    const { brotliDecompressSync } = await import('node:zlib');
    const { PAGE } = await import('./page-inside.ts');
    return brotliDecompressSync(Buffer.from(PAGE, 'base64'));
  },
};
