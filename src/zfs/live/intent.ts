// Notes that a checkpoint is about to be taken, in a file of this machine: the mark in the pool can
// only follow the checkpoint, since the state that it keeps must not have it. By this note `kexport
// clean` knows a checkpoint whose run was killed between the two.

import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type OwnerState, ownerState, thisOwner } from '../../host/owner.ts';

/** Empty after each start of the machine, as is whatever could have been running before. */
const FOLDER = '/run/kexport';

/** How long after the note its checkpoint may come, in milliseconds: a busy pool takes a while. */
const PATIENCE = 60_000;

/**
 * Notes it for this process. Returns a function that removes the note. Where none can be written,
 * for want of permission, there is none.
 */
export async function noteIntent(pool: string, folder = FOLDER): Promise<() => Promise<void>> {
  const path = pathOf(pool, folder);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(path, await thisOwner(), { mode: 0o600 });
  } catch {
    return () => Promise.resolve();
  }
  return () => rm(path, { force: true });
}

/**
 * The state of the process that noted that it would take the checkpoint which the pool has;
 * undefined if no note is that of a checkpoint taken at that time, to the second.
 */
export async function intentOf(
  pool: string,
  created: Date,
  folder = FOLDER,
): Promise<OwnerState | undefined> {
  const path = pathOf(pool, folder);
  try {
    const after = created.getTime() - (await stat(path)).mtimeMs;
    if (!(after > -1000 && after < PATIENCE)) return undefined; // NaN too
    return await ownerState(await readFile(path, 'latin1'));
  } catch {
    return undefined;
  }
}

function pathOf(pool: string, folder: string): string {
  return join(folder, `checkpoint-${encodeURIComponent(pool)}`);
}
