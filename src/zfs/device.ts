// Devices of volumes: /dev/zdN, the links that udev makes for them (/dev/zvol/POOL/VOLUME), their
// partitions.

import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { deviceNumber } from '../host/block-device.ts';
import { KexportError, option, wording } from '../errors.ts';
import { zvolId } from './run.ts';

/** A block device that is a volume, or a partition of one. */
export interface ZvolDevice {
  /** The kernel's name of the whole volume: zd16. */
  readonly disk: string;
  /** Offset and size in bytes; undefined for a whole volume. */
  readonly partition: { readonly start: number; readonly size: number } | undefined;
}

// Offsets and sizes in /sys count sectors of 512 bytes, whatever the device's own sector size.
const SECTOR = 512;

/** The volume behind a device number, from stat's `rdev`; undefined for any other device. */
export async function zvolDevice(rdev: bigint): Promise<ZvolDevice | undefined> {
  const folder = await realpath(`/sys/dev/block/${deviceNumber(rdev)}`).catch(() => '');
  const match = /\/block\/(zd\d+)(?:\/zd\d+p\d+)?$/.exec(folder);
  if (!match) return undefined;
  const [, disk = ''] = match;
  if (basename(folder) === disk) return { disk, partition: undefined };
  const [start, size] = await Promise.all([sectors(folder, 'start'), sectors(folder, 'size')]);
  return { disk, partition: { start, size } };
}

async function sectors(folder: string, file: string): Promise<number> {
  return Number(await readFile(join(folder, file), 'latin1')) * SECTOR;
}

const LINKS = '/dev/zvol';

/**
 * The link that udev makes for a volume or a snapshot. Its rule splits the output of `zvol_id` at
 * spaces, so ZFS prints a plus for each.
 */
export function linkOf(name: string): string {
  return join(LINKS, name.replaceAll(' ', '+'));
}

/**
 * The name of the volume or snapshot that a path below /dev/zvol stands for; undefined for any
 * other path.
 */
export function nameInLinks(path: string): string | undefined {
  // No name of a dataset contains a plus.
  return path.startsWith(`${LINKS}/`)
    ? path.slice(LINKS.length + 1).replaceAll('+', ' ')
    : undefined;
}

/**
 * The name of the volume or snapshot behind a device (zd16). /sys does not have it, so it comes
 * from ZFS's helper for udev, else from udev's links. Throws a KexportError if neither has it.
 */
export async function datasetOf(disk: string): Promise<string> {
  const told = await zvolId(`/dev/${disk}`);
  if (told !== undefined) return told.replaceAll('+', ' ');
  const { rdev } = await stat(`/dev/${disk}`).catch(() => ({ rdev: undefined }));
  const paths = await readdir(LINKS, { recursive: true }).catch(() => []);
  for (const path of paths) {
    const found = await stat(join(LINKS, path)).catch(() => undefined);
    if (found?.isBlockDevice() && found.rdev === rdev) return path.replaceAll('+', ' ');
  }
  throw new KexportError('source', `cannot tell which ZFS volume /dev/${disk} is`, {
    hint: wording`name the volume (POOL/VOLUME), or read the device as it is with ${option('takeSnapshot', false)}`,
  });
}

/**
 * The device of a volume or snapshot, found through udev's link; undefined without one. A link that
 * is stale, as after a rename, does not count.
 */
export async function linkedDevice(name: string): Promise<string | undefined> {
  const device = await realpath(linkOf(name)).catch(() => undefined);
  if (device === undefined) return undefined;
  const told = await zvolId(device);
  return told === undefined || told.replaceAll('+', ' ') === name ? device : undefined;
}

/** The same where udev makes no links: asks `zvol_id` for the name of each device of a volume. */
export async function unlinkedDevice(name: string): Promise<string | undefined> {
  const devices = await readdir('/sys/class/block').catch(() => []);
  for (const disk of devices.filter((entry) => /^zd\d+$/.test(entry))) {
    if ((await zvolId(`/dev/${disk}`))?.replaceAll('+', ' ') === name) return `/dev/${disk}`;
  }
  return undefined;
}
