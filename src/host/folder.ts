import { constants } from 'node:fs';
import { access, type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';

/** An open folder. */
export interface Folder {
  /** The path of a file in it, which stays right when the folder is renamed or replaced. */
  at(name: string): string;
  /** Makes renames in it durable. File systems that cannot sync a folder do that themselves. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

// open(2): the folder need not be readable. Node has no name for it.
const O_PATH = 0o10_000_000;

/** Opens a folder. Throws the error of the system. */
export async function openFolder(path: string): Promise<Folder> {
  const handle = await openPath(path);
  const root = handle === undefined ? path : `/proc/self/fd/${handle.fd}`;
  return {
    at: (name) => join(root, name),
    async sync() {
      const folder = await open(`${root}/.`, 'r').catch(() => undefined);
      await folder?.sync().catch(() => undefined);
      await folder?.close();
    },
    async close() {
      await handle?.close();
    },
  };
}

/** Undefined where files cannot be named by a descriptor: without Linux or /proc. */
async function openPath(path: string): Promise<FileHandle | undefined> {
  if (process.platform !== 'linux') return undefined;
  const handle = await open(path, O_PATH | constants.O_DIRECTORY);
  try {
    await access(`/proc/self/fd/${handle.fd}`);
    return handle;
  } catch {
    await handle.close();
    return undefined;
  }
}
