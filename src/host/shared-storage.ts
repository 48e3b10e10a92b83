// Whether two files or devices have bytes in common: a partition and its disk, a loop device and
// its file, a volume and the disk it lies on.

import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { BLOCK_DEVICES, folderOf, pathOf, SECTOR, textOf } from './host-disk.ts';

/** Bytes of a file or of a whole disk. */
interface Range {
  /** What has the bytes. */
  readonly holder: string;
  /** In bytes. */
  readonly start: number;
  /** In bytes; Infinity for all of it. */
  readonly end: number;
  /** False for LVM, LUKS and md: only the kernel knows which of these bytes are theirs. */
  readonly isExact: boolean;
}

/** Whether a write to one file or device can change what is read from the other. */
export async function shareStorage(one: string, other: string): Promise<boolean> {
  const [ranges, others] = await Promise.all([rangesOf(one), rangesOf(other)]);
  return ranges.some((range) => others.some((found) => overlap(range, found)));
}

/** The other loop devices that have bytes of a block device, or of the file that it has. */
export async function loopDevicesOn(device: string): Promise<string[]> {
  const ranges = await rangesOf(device);
  const names = await readdir(BLOCK_DEVICES).catch(() => []);
  const attached: string[] = [];
  for (const name of names.filter((found) => found.startsWith('loop'))) {
    const below = await rangesBelowLoop(join(BLOCK_DEVICES, name));
    const isOn = below.some((range) => ranges.some((found) => overlap(range, found)));
    if (isOn && !ranges.some(({ holder }) => holder === name)) attached.push(pathOf(name));
  }
  return attached;
}

function overlap(one: Range, other: Range): boolean {
  // Two volumes of one group have a disk in common, but no bytes.
  if (!one.isExact && !other.isExact) return false;
  return one.holder === other.holder && one.start < other.end && other.start < one.end;
}

/** The bytes of a file or device, and those that they are on the files and devices below it. */
async function rangesOf(path: string): Promise<Range[]> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  if (found?.isFile()) {
    return [{ holder: `${found.dev}:${found.ino}`, start: 0, end: Infinity, isExact: true }];
  }
  const folder = await folderOf(path);
  return folder === undefined ? [] : rangesOfDevice(folder);
}

/** `folder` is the one of the device in /sys. */
async function rangesOfDevice(folder: string): Promise<Range[]> {
  const size = await bytesAt(folder, 'size');
  if ((await textOf(folder, 'partition')) !== undefined) {
    const disk = await rangesOfDevice(dirname(folder));
    return partsOf(disk, await bytesAt(folder, 'start'), size);
  }
  const own = { holder: basename(folder), start: 0, end: size, isExact: true };
  const slaves = await readdir(join(folder, 'slaves')).catch(() => []);
  const below = await Promise.all(
    slaves.map(async (name) => rangesOfDevice(await realpath(join(BLOCK_DEVICES, name)))),
  );
  const somewhere = below.flat().map((range) => ({ ...range, isExact: false }));
  return [own, ...somewhere, ...(await rangesBelowLoop(folder))];
}

/** What a loop device is of its file or device; empty for any other. */
async function rangesBelowLoop(folder: string): Promise<Range[]> {
  const file = await textOf(folder, 'loop/backing_file');
  if (file === undefined) return [];
  const offset = Number(await textOf(folder, 'loop/offset'));
  return partsOf(await rangesOf(file), offset, await bytesAt(folder, 'size'));
}

/** So many bytes of these ranges, from an offset on. */
function partsOf(ranges: readonly Range[], offset: number, size: number): Range[] {
  return ranges.map((range) => {
    if (!range.isExact) return range;
    const start = range.start + offset;
    return { ...range, start, end: Math.min(range.end, start + size) };
  });
}

async function bytesAt(folder: string, file: string): Promise<number> {
  return Number(await textOf(folder, file)) * SECTOR;
}
