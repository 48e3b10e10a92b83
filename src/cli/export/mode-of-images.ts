import { stat } from 'node:fs/promises';
import type { Options } from '../options/options.ts';
import { pathOfDisk } from './path-of-disk.ts';

/** For the owner alone: an image of a whole disk holds its keys and passwords. */
const PRIVATE = 0o600;

/**
 * The permissions of the images of disks. If one is a device or a volume, they are private; those
 * of files and pipes have what the umask leaves, which is undefined here.
 */
export async function modeOfImages(
  disks: readonly string[],
  { mode, incrementalFrom }: Options,
): Promise<number | undefined> {
  if (mode !== undefined) return mode;
  if (incrementalFrom !== undefined) return PRIVATE;
  const areDevices = await Promise.all(disks.map(isDevice));
  return areDevices.includes(true) ? PRIVATE : undefined;
}

async function isDevice(disk: string): Promise<boolean> {
  const found = await stat(pathOfDisk(disk)).catch(() => undefined);
  return found === undefined || found.isBlockDevice(); // a volume need not have a file
}
