// Temporary files of a browser: in the storage of the page's own (OPFS), else in memory.

import type { SystemFile } from './host.ts';
import { memoryFile } from './memory-file.ts';
import { type SyncAccessHandle, web } from './web.ts';

/** Bytes of memory that a temporary file takes at most. */
const MEMORY_LIMIT = 2 ** 29;

const NAMES = /^kexport-.*\.(spool|image)$/;

/**
 * Opens a temporary file, which is removed when it is closed. If the page ends before, the next one
 * removes it: see {@link removeLeftovers}.
 */
export async function openTemporary(): Promise<SystemFile> {
  const opened = await openStored().catch(() => undefined);
  return opened ?? memoryFile(MEMORY_LIMIT);
}

/** Undefined outside of a worker, and where the page has no storage, as one without an origin. */
async function openStored(): Promise<SystemFile | undefined> {
  const folder = await web.navigator.storage?.getDirectory?.();
  if (!folder) return undefined;
  const name = `kexport-${crypto.randomUUID()}.spool`;
  const file = await folder.getFileHandle(name, { create: true });
  if (!file.createSyncAccessHandle) {
    await folder.removeEntry(name);
    return undefined;
  }
  const opened = handleFile(await file.createSyncAccessHandle());
  return {
    ...opened,
    async close() {
      await opened.close();
      await folder.removeEntry(name);
    },
  };
}

/** The file that is open as `handle`. */
export function handleFile(handle: SyncAccessHandle): SystemFile {
  let end = 0;
  const write = (position: number, buffers: readonly Uint8Array[]) => {
    let at = position;
    for (const buffer of buffers) {
      const count = handle.write(buffer, { at });
      at += count;
      if (count < buffer.length) break;
    }
    end = at;
    return at - position;
  };
  return {
    read: (position, target) => attempt(() => handle.read(target, { at: position })),
    write: (position = end, buffers) => attempt(() => write(position, buffers)),
    truncate: (size) => attempt(() => handle.truncate(size)),
    close: () => attempt(() => handle.close()),
  };
}

/** The result of a call that blocks; rejects if it throws. */
function attempt<T>(call: () => T): Promise<T> {
  return new Promise((resolve) => {
    resolve(call());
  });
}

/** How long an image of a page is kept, for its download, in milliseconds. */
const KEPT = 24 * 3_600_000;

/**
 * Removes the temporary files of pages that have ended, and images that are a day old. The browser
 * locks those that are in use.
 */
export async function removeLeftovers(): Promise<void> {
  const folder = await web.navigator.storage?.getDirectory?.();
  if (!folder) return;
  for await (const [name, entry] of folder.entries()) {
    if (!NAMES.test(name)) continue;
    const made = name.endsWith('.image') ? (await entry.getFile()).lastModified + KEPT : 0;
    if (made < Date.now()) await folder.removeEntry(name).catch(() => undefined);
  }
}
