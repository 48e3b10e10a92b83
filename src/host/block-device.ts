import { open, readFile } from 'node:fs/promises';
import { KexportError } from '../errors.ts';
import { statFile, systemFile } from './descriptors.ts';

const SECTOR = 512;

/** Size of an open block device in bytes, from /sys, else by probing where reads end. */
export async function blockDeviceSize(name: string, fd: number): Promise<number> {
  const { rdev } = await statFile(fd, { bigint: true });
  // /sys counts in sectors of 512 bytes whatever the device's own sector size.
  const sectors = await readFile(`/sys/dev/block/${deviceNumber(rdev)}/size`, 'utf8').catch(
    () => undefined,
  );
  if (sectors !== undefined) return Number(sectors) * SECTOR;
  return probeSize(name, fd);
}

/** The same for a device that is not open. */
export async function blockSizeOfPath(path: string): Promise<number> {
  const file = await open(path, 'r');
  try {
    return await blockDeviceSize(path, file.fd);
  } finally {
    await file.close();
  }
}

/** The number of a device as /proc and /sys write it, MAJOR:MINOR. */
export function deviceNumber(rdev: bigint): string {
  return `${majorOf(rdev)}:${minorOf(rdev)}`;
}

// The encoding of dev_t in glibc, sys/sysmacros.h.
function majorOf(rdev: bigint): bigint {
  return ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n);
}

function minorOf(rdev: bigint): bigint {
  return (rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n);
}

/** For containers without /sys. A read at or after the end of a device returns no bytes. */
async function probeSize(name: string, fd: number): Promise<number> {
  const device = systemFile(fd);
  const buffer = new Uint8Array(SECTOR);
  const has = async (sector: number) => (await device.read(sector * SECTOR, buffer)) > 0;
  let end = 1;
  while (await has(end - 1)) {
    end *= 2;
    if (end * SECTOR > Number.MAX_SAFE_INTEGER) {
      throw new KexportError('source', `${name}: cannot find the size of the device`);
    }
  }
  let start = Math.floor(end / 2);
  while (start < end) {
    const middle = Math.floor((start + end) / 2);
    if (await has(middle)) start = middle + 1;
    else end = middle;
  }
  return start * SECTOR;
}
