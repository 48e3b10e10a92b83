// Waits until ZFS has freed the files that were deleted on the source while a program had them
// open: a snapshot has them still, and mounting a copy frees them in the background.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { KexportError, throwIfAborted } from '../../errors.ts';
import { zpool } from '../run.ts';

/** How many files of a file system were deleted, and of how many the space was freed. */
const COUNTS = /^nunlinks\s+\d+\s+(\d+)$|^nunlinked\s+\d+\s+(\d+)$/gm;

const INTERVAL = 100; // milliseconds
/** In milliseconds. */
const LIMIT = 120_000;

/** Waits for the mounted file systems of a pool. Throws a KexportError if that takes minutes. */
export async function awaitUnlinked(pool: string, signal: AbortSignal | undefined): Promise<void> {
  for (const started = performance.now(); performance.now() - started < LIMIT;) {
    throwIfAborted(signal);
    await zpool(['sync', pool], { signal });
    if ((await countsOf(pool)).every(isDrained)) return;
    await setTimeout(INTERVAL);
  }
  throw new KexportError('source', `pool ${pool} does not free what was deleted on the source`);
}

/** The statistics of each mounted file system of a pool; none where ZFS has none. */
async function countsOf(pool: string): Promise<string[]> {
  const folder = join('/proc/spl/kstat/zfs', pool);
  const names = await readdir(folder).catch(() => []);
  const files = names.filter((name) => name.startsWith('objset-'));
  return Promise.all(files.map((name) => readFile(join(folder, name), 'latin1').catch(() => '')));
}

/** Whether all that was deleted is freed, by the statistics of a file system. */
export function isDrained(statistics: string): boolean {
  const [deleted, freed] = [...statistics.matchAll(COUNTS)].map(([, one, other]) => one ?? other);
  return deleted === freed;
}
