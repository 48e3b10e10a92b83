// Whether QEMU has a file open, which it tells other programs by locks.

import { readFile } from 'node:fs/promises';
import { deviceNumber } from './block-device.ts';
import { statFile } from './descriptors.ts';
import { listMounts, mountIdOf } from './mounts.ts';

/** What QEMU may do to a file. */
export type QemuUse = 'read' | 'write';

// The bytes that QEMU locks, one for each permission that it has taken: `RAW_LOCK_PERM_BASE` in its
// block/file-posix.c, and `BLK_PERM_WRITE`. There are four.
const FIRST = 100;
const LAST = 103;
const WRITE = 101;

/** What a running QEMU, qemu-nbd or qemu-img has an open file or device for; undefined if none. */
export async function qemuUse(fd: number): Promise<QemuUse | undefined> {
  const { ino, dev } = await statFile(fd, { bigint: true });
  const text = await readFile('/proc/locks', 'latin1').catch(() => '');
  const ofInode = parseLocks(text).filter(
    ({ inode, first, last }) => inode === ino && first >= FIRST && last <= LAST,
  );
  if (ofInode.length === 0) return undefined;
  // On btrfs, stat(2) and /proc/locks give two numbers for the device.
  const mountId = await mountIdOf(fd);
  const mount = (await listMounts()).find(({ id }) => id === mountId);
  const device = mount?.device ?? deviceNumber(dev);
  const locks = ofInode.filter((lock) => lock.device === device);
  if (locks.some(({ first, last }) => first <= WRITE && last >= WRITE)) return 'write';
  return locks.length > 0 ? 'read' : undefined;
}

/** A line of /proc/locks, proc(5): the locked bytes are counted from 0, both included. */
interface Lock {
  /** MAJOR:MINOR of the file system. */
  readonly device: string;
  readonly inode: bigint;
  readonly first: number;
  readonly last: number;
}

const LINE = /^\d+: (?:POSIX|OFDLCK) +\S+ +\S+ +-?\d+ (\w+):(\w+):(\d+) (\d+) (\d+|EOF)$/gm;

function parseLocks(text: string): Lock[] {
  return Array.from(text.matchAll(LINE), ([, major = '', minor = '', inode = '', first, last]) => ({
    device: `${parseInt(major, 16)}:${parseInt(minor, 16)}`,
    inode: BigInt(inode),
    first: Number(first),
    last: last === 'EOF' ? Infinity : Number(last),
  }));
}
