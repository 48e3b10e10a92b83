import { type FormatName, FORMATS } from '../../formats/index.ts';
import { option, type Wording, wording } from '../errors.ts';
import { BEGIN, STREAM_MAGIC, STREAM_MAGIC_AT } from '../../formats/zfs-send/layout.ts';

/** Bytes at the start of a file that suffice to recognize its kind. */
export const HEAD_SIZE = 512;

const TAR = 'a tar archive';

type Magic = readonly [kind: string, offset: number, magic: string, remedy?: Wording];

// Images, archives and compressed files that this program does not read as such, by the bytes that
// they begin with.
const MAGICS: readonly Magic[] = [
  ['a VMDK image (ESX sparse extent)', 0, 'COWD'],
  ['a QED image', 0, 'QED\0'],
  [TAR, 257, 'ustar'],
  ['a gzip file', 0, '\x1f\x8b', wording`say ${option('from', 'gz')} for what is in it`],
  ['a zip archive', 0, 'PK\x03\x04', wording`say ${option('from', 'zip')} for what is in it`],
  ['an xz file', 0, '\xfd7zXZ\0', 'xzcat FILE | kexport FORMAT -'],
  ['a zstd file', 0, '\x28\xb5\x2f\xfd', 'zstdcat FILE | kexport FORMAT -'],
];

/** The kind of a file, by its first bytes. */
export interface ImageKind {
  /** The kind in words, with its article. */
  readonly title: string;
  /** The format, if this program knows it. */
  readonly format?: FormatName;
  /** Whether it is a tar archive, and so possibly an OVA, whose members may come in any order. */
  readonly isTar?: boolean;
  /** What the user can do to read the disk in it. */
  readonly remedy?: Wording | undefined;
}

/** The kind of a regular file that begins with `head`; undefined for a raw disk. */
export function imageKind(head: Uint8Array): ImageKind | undefined {
  const names = Object.keys(FORMATS) as FormatName[];
  const format = names.find((name) => FORMATS[name]().matches(head));
  if (format === 'ova') return { title: 'an ova image', format, isTar: true };
  if (format) return { title: `a ${format} image`, format };
  const text = Buffer.from(head).toString('latin1');
  const found = MAGICS.find(([, offset, magic]) => text.startsWith(magic, offset));
  return found && { title: found[0], isTar: found[0] === TAR, remedy: found[3] };
}

/**
 * Whether a file or a pipe begins with the first record of a zfs send stream (its `drr_type`, 0,
 * and its magic).
 */
export function beginsSendStream(head: Uint8Array): boolean {
  if (head.length < STREAM_MAGIC_AT + 8) return false;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (view.getUint32(0) !== BEGIN) return false;
  return [true, false].some(
    (little) => view.getBigUint64(STREAM_MAGIC_AT, little) === STREAM_MAGIC,
  );
}

/** Compression of a file with a raw disk, a fixed vhd or a zfs send stream in it. */
export type PackedKind = 'gz' | 'zip';

const PACKED: readonly (readonly [extension: RegExp, kind: PackedKind, magic: string])[] = [
  [/\.gz$/i, 'gz', '\x1f\x8b'],
  [/\.zip$/i, 'zip', 'PK\x03\x04'],
];

/** How a regular file is compressed, if its name says so and its first bytes agree. */
export function packedByName(name: string, head: Uint8Array): PackedKind | undefined {
  const text = Buffer.from(head).toString('latin1');
  return PACKED.find(([end, , magic]) => end.test(name) && text.startsWith(magic))?.[1];
}
