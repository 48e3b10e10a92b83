// Content of a partition, or of a disk without a partition table, recognized by its magic numbers.
// A guest wrote them: they are facts for people, and decide nothing else.

import type { DiskView } from '../partitions/disk-view.ts';
import type { Content } from './disk-facts.ts';
import { extSuperblock } from './ext4.ts';
import { openFat } from './fat.ts';
import { poolFacts } from './pool-facts.ts';

/** In bytes; has every magic below, and the name-value list of the first ZFS label. */
const HEAD_SIZE = 2 ** 17;

/** A kind, what people call it, and the bytes at a place that give it away. */
const MAGICS: readonly (readonly [kind: string, title: string, offset: number, magic: string])[] = [
  ['ntfs', 'an NTFS file system', 3, 'NTFS    '],
  ['exfat', 'an exFAT file system', 3, 'EXFAT   '],
  ['refs', 'a ReFS file system', 3, 'ReFS\0\0\0\0'],
  ['bitlocker', 'a BitLocker volume', 3, '-FVE-FS-'],
  ['xfs', 'an XFS file system', 0, 'XFSB'],
  ['btrfs', 'a Btrfs file system', 65_600, '_BHRfS_M'],
  ['f2fs', 'an F2FS file system', 1024, '\x10\x20\xf5\xf2'],
  ['hfsplus', 'an HFS+ file system', 1024, 'H+\0\x04'],
  ['apfs', 'an APFS container', 32, 'NXSB'],
  ['ufs2', 'a UFS2 file system', 66_908, '\x19\x01\x54\x19'],
  ['squashfs', 'a SquashFS file system', 0, 'hsqs'],
  ['erofs', 'an EROFS file system', 1024, '\xe2\xe1\xf5\xe0'],
  ['iso9660', 'an ISO 9660 file system', 32_769, 'CD001'],
  ['luks', 'a LUKS volume', 0, 'LUKS\xba\xbe'],
  ['raid', 'a member of a Linux RAID', 4096, '\xfc\x4e\x2b\xa9'], // md superblock 1.2
  ['raid', 'a member of a Linux RAID', 0, '\xfc\x4e\x2b\xa9'], // 1.1
  // pvcreate puts the label into the second sector; LVM looks into the first four.
  ...[0, 512, 1024, 1536].map((at) => ['lvm', 'an LVM physical volume', at, 'LABELONE'] as const),
  // At the end of the first page, which has 4 to 64 KiB.
  ...[12, 13, 14, 15, 16].map(
    (shift) => ['swap', 'swap space', 2 ** shift - 10, 'SWAPSPACE2'] as const,
  ),
];

/** Content that a disk begins with; undefined if unknown. Throws only what its reader throws. */
export async function contentOf(disk: DiskView): Promise<Content | undefined> {
  const head = await disk.at(0, HEAD_SIZE);
  const text = Buffer.from(head).toString('latin1');
  const found = MAGICS.find(([, , offset, magic]) => text.startsWith(magic, offset));
  if (found) return { kind: found[0], title: found[1] };
  return extOf(head) ?? (await fatOf(disk)) ?? zfsOf(head);
}

const HAS_JOURNAL = 0x4;
/** Features that ext3 knows: FILETYPE, RECOVER, JOURNAL_DEV, META_BG; and of the read-only kind. */
const EXT3_INCOMPATIBLE = 0x2 | 0x4 | 0x8 | 0x10;
const EXT3_READ_ONLY = 0x1 | 0x2 | 0x4;

function extOf(head: Uint8Array): Content | undefined {
  const found = extSuperblock(head);
  if (!found) return undefined;
  const { compatible, incompatible, readOnlyCompatible } = found;
  const isExt4 =
    (incompatible & ~EXT3_INCOMPATIBLE) !== 0 || (readOnlyCompatible & ~EXT3_READ_ONLY) !== 0;
  const old = (compatible & HAS_JOURNAL) === 0 ? 'ext2' : 'ext3';
  const kind = isExt4 ? 'ext4' : old;
  return { kind, title: `an ${kind} file system` };
}

async function fatOf(disk: DiskView): Promise<Content | undefined> {
  const fat = await openFat(disk, 0);
  return fat && { kind: `fat${fat.bits}`, title: `a FAT${fat.bits} file system` };
}

function zfsOf(head: Uint8Array): Content | undefined {
  const pool = poolFacts(head);
  return pool && { kind: 'zfs', title: 'a ZFS pool', pool };
}
