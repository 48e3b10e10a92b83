import { stat } from 'node:fs/promises';
import type { Options } from '../options/options.ts';
import { pathOfDisk } from './path-of-disk.ts';

/** For the owner alone: an image of a whole disk holds its keys and passwords. */
const PRIVATE = 0o600;

/**
 * The permissions of the images of a disk. Those of a device or a volume are private; those of a
 * file or a pipe have what the umask leaves, which is undefined here.
 */
export async function modeOfImages(
  disk: string,
  { mode, incrementalFrom }: Options,
): Promise<number | undefined> {
  if (mode !== undefined) return mode;
  if (incrementalFrom !== undefined) return PRIVATE;
  const found = await stat(pathOfDisk(disk)).catch(() => undefined);
  const isDevice = found === undefined || found.isBlockDevice(); // a volume need not have a file
  return isDevice ? PRIVATE : undefined;
}
