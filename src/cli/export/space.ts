import { stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Warning } from '../../errors.ts';
import { formatSize } from '../print/sizes.ts';
import type { Output, Plan } from './plan.ts';

/** Tables, headers, an OVF and its manifest; in bytes. */
const FIXED_OVERHEAD = 2 ** 21;

/** What is known of a disk before it is read; nothing of a pipe's. In bytes. */
export interface DiskSizes {
  readonly size?: number | undefined;
  /** What may be other than zeros, if that is known to be less than all. */
  readonly dataSize?: number | undefined;
}

/** Bytes that an image of a disk takes up at most: its data do not compress, and its tables. */
export function maxImageSize({ size = 0, dataSize = size }: DiskSizes): number {
  return Math.ceil(dataSize * (1 + 2 ** -10) + size * 2 ** -12) + FIXED_OVERHEAD;
}

/** A file system that images are written to. */
export interface Place {
  readonly folder: string;
  readonly outputs: readonly Output[];
  /** What users other than root may fill, in bytes. */
  readonly free: number;
}

/** The file systems of a plan's images; devices and pipes have none. */
export async function placesOf({ outputs }: Plan): Promise<Place[]> {
  const places = new Map<number, Place>();
  for (const output of outputs) {
    const { path, address } = output;
    if (address !== undefined) continue;
    const found = await stat(path).catch(() => undefined);
    if (path === '-' || (found && !found.isFile())) continue;
    const folder = dirname(path);
    const info = await stat(folder).catch(() => undefined);
    if (!info) continue;
    const { bavail, bsize } = await statfs(folder);
    const others = places.get(info.dev)?.outputs ?? [];
    places.set(info.dev, { folder, outputs: [...others, output], free: bavail * bsize });
  }
  return [...places.values()];
}

/** The same for an image of one of the disks, or of all; undefined if that is not known. */
export function maxOutputSize(
  { disk }: Pick<Output, 'disk'>,
  disks: readonly DiskSizes[],
): number | undefined {
  const held = disks.filter((_, index) => disk === undefined || index === disk);
  if (held.some(({ size }) => size === undefined)) return undefined;
  return held.reduce((sum, sizes) => sum + maxImageSize(sizes), 0);
}

/** Says where the images may not fit. */
export function spaceWarnings(places: readonly Place[], disks: readonly DiskSizes[]): Warning[] {
  return places.flatMap(({ folder, outputs, free }) => {
    // Of a pipe nothing is known.
    const most = outputs.reduce((sum, output) => sum + (maxOutputSize(output, disks) ?? 0), 0);
    if (most <= free) return [];
    const what = `the images may take up to ${formatSize(most)} in ${folder}, where ${formatSize(free)} are free`;
    return [new Warning('full', what)];
  });
}
