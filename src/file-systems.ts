// Numbers by which statfs(2) tells file systems apart.

export const EXT4 = 0xef53; // also ext2 and ext3
export const TMPFS = 0x0102_1994;
export const XFS = 0x5846_5342;
