// Numbers of file systems (f_type), from statfs(2).

import { type FileHandle, statfs } from 'node:fs/promises';

export const EXT4 = 0xef53; // also ext2 and ext3
export const TMPFS = 0x0102_1994;
export const XFS = 0x5846_5342;
export const ZFS = 0x2fc1_2fc1;

/** The number of the file system that an open file is on. Rejects where /proc is missing. */
export async function fileSystemOf({ fd }: FileHandle): Promise<number> {
  return (await statfs(`/proc/self/fd/${fd}`)).type;
}
