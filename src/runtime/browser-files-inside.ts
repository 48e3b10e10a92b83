// The files of kexport's own in the page, which has them all inside: packaging/page.ts puts this
// file in the place of browser-files.ts, and the constant into it.

import type { BrowserFiles } from './browser-files.ts';
import type { WorkerName } from './host.ts';
import type { InsideFiles } from './own-files-inside.ts';
import { web } from './web.ts';

declare const KEXPORT_FILES: InsideFiles;

const addresses = new Map<WorkerName, string>();

/** The address of a worker, which is made once. */
function addressOf(name: WorkerName): string {
  const made = addresses.get(name);
  if (made !== undefined) return made;
  const script = new Blob([KEXPORT_FILES.workers[name]], { type: 'text/javascript' });
  const address = URL.createObjectURL(script);
  addresses.set(name, address);
  return address;
}

export const browserFiles: BrowserFiles = {
  version: () => KEXPORT_FILES.version,
  wasm: (name) => KEXPORT_FILES.wasm[name],
  startWorker: (name) => new web.Worker(addressOf(name)),
};
