import { type FormatName, FORMATS } from '../../formats/index.ts';

/** Bytes at the start of a file that are enough to tell the kinds of image. */
export const HEAD_SIZE = 512;

// Images, archives and streams that are not disks although they hold one, by the bytes that they begin with.
const MAGICS: readonly (readonly [kind: string, offset: number, magic: string])[] = [
  ['VMDK image (ESX sparse extent)', 0, 'COWD'],
  ['VMDK descriptor', 0, '# Disk DescriptorFile'],
  ['VHDX image', 0, 'vhdxfile'],
  ['VDI image', 64, '\x7f\x10\xda\xbe'],
  ['QED image', 0, 'QED\0'],
  ['tar archive', 257, 'ustar'],
  ['gzip file', 0, '\x1f\x8b'],
  ['zip archive', 0, 'PK\x03\x04'],
  ['xz file', 0, '\xfd7zXZ\0'],
  ['zstd file', 0, '\x28\xb5\x2f\xfd'],
  // dmu_replay_record: DRR_BEGIN is 0, a payload length, then the magic of drr_begin, in the sender's byte order.
  ['zfs send stream', 8, '\xac\xcb\xba\xf5\x02\0\0\0'],
  ['zfs send stream', 8, '\0\0\0\x02\xf5\xba\xcb\xac'],
];

/** What a file looks like. */
export interface ImageKind {
  /** For people. */
  readonly title: string;
  /** If it is an image of a format of ours. */
  readonly format?: FormatName;
}

/** What kind of image a regular file is that begins with `head`; undefined for a raw disk. */
export function imageKind(head: Uint8Array): ImageKind | undefined {
  const names = Object.keys(FORMATS) as FormatName[];
  const format = names.find((name) => FORMATS[name]().matches(head));
  if (format) return { title: `${format} image`, format };
  const text = Buffer.from(head).toString('latin1');
  const found = MAGICS.find(([, offset, magic]) => text.startsWith(magic, offset));
  return found && { title: found[0] };
}
