import { type StoredFolder, web } from '../runtime/web.ts';

/** The storage of this page; undefined for a page without one, such as a file that was opened. */
export async function storage(): Promise<StoredFolder | undefined> {
  return web.navigator.storage?.getDirectory?.().catch(() => undefined);
}
