import type { DiskView } from '../partitions/disk-view.ts';
import { openFat } from './fat.ts';

/** Content of disks without a partition table, recognized by bytes at an offset. */
const MAGICS: readonly (readonly [content: string, diskOffset: number, magic: string])[] = [
  ['an NTFS file system', 3, 'NTFS    '],
  ['an exFAT file system', 3, 'EXFAT   '],
  ['an ext2, ext3 or ext4 file system', 1080, '\x53\xef'],
  ['an XFS file system', 0, 'XFSB'],
  ['a Btrfs file system', 65_600, '_BHRfS_M'],
  ['a SquashFS file system', 0, 'hsqs'],
  ['an ISO 9660 file system', 32_769, 'CD001'],
  ['an LVM physical volume', 512, 'LABELONE'],
  ['a LUKS volume', 0, 'LUKS\xba\xbe'],
  ['swap space', 4086, 'SWAPSPACE2'], // at the end of a page, here of 4 KiB
];

/** The content that the disk begins with, for "it begins with ..."; undefined if unknown. */
export async function contentKind(disk: DiskView): Promise<string | undefined> {
  for (const [content, diskOffset, magic] of MAGICS) {
    const found = await disk.at(diskOffset, magic.length);
    if (Buffer.from(found).toString('latin1') === magic) return content;
  }
  return (await openFat(disk, 0)) && 'a FAT file system';
}
