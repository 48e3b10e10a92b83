import {
  type FormatName,
  FORMATS,
  SECTOR_SIZE,
  type WholeCompression,
} from '../../formats/index.ts';
import { option, type Wording, wording } from '../errors.ts';
import { BEGIN, STREAM_MAGIC, STREAM_MAGIC_AT } from '../../formats/zfs-send/layout.ts';

/** Bytes at the start of a file that suffice to recognize its kind. */
export const HEAD_SIZE = 512;

/** The kind of a file or a stream, by its first bytes. */
export interface ImageKind {
  /** The kind in words, with its article. */
  readonly title: string;
  /** The format, if this program knows it. */
  readonly format?: FormatName;
  /** Whether it is a tar archive, and so possibly an OVA, whose members may come in any order. */
  readonly isTar?: boolean;
  /** Whether it is text, such as an OVF, whose root element may come late. */
  readonly isText?: boolean;
  /** The compression, if this program can read what is in it. */
  readonly packed?: PackedKind;
  /**
   * The command that converts a file of this kind to one that kexport reads; `path` is quoted for a
   * shell.
   */
  readonly remedyOfFile?: (path: string) => string;
  /** The command that decompresses it in a pipe, if there is one. */
  readonly unpacker?: string;
}

interface Magic extends ImageKind {
  readonly offset?: number;
  readonly magic: string;
}

const byQemu = (path: string) => `convert it first: qemu-img convert -O raw ${path} disk.raw`;

/** For files that one program decompresses. Only a raw disk can be read from a pipe. */
function unpackedBy(program: string): Pick<ImageKind, 'remedyOfFile' | 'unpacker'> {
  const unpacker = `${program} -dc`;
  return {
    unpacker,
    remedyOfFile: (path) =>
      /\.(qcow2|vhdx?|vdi|vmdk|ova)\.[^.]+$/i.test(path)
        ? `unpack it first: ${program} -dk ${path}`
        : `unpack it into a pipe: ${unpacker} ${path} | kexport qcow2 -`,
  };
}

const GZIP = '\x1f\x8b';
const ZSTD = '\x28\xb5\x2f\xfd';
const ZIP = 'PK\x03\x04';

// Images, archives and compressed files that are not read as raw disks, by the bytes that they
// begin with.
const MAGICS: readonly Magic[] = [
  { title: 'a VMDK image (ESX sparse extent)', magic: 'COWD', remedyOfFile: byQemu },
  { title: 'a QED image', magic: 'QED\0', remedyOfFile: byQemu },
  { title: 'a Parallels image', magic: 'WithoutFreeSpace', remedyOfFile: byQemu },
  { title: 'a Parallels image', magic: 'WithouFreSpacExt', remedyOfFile: byQemu },
  { title: 'a Bochs image', magic: 'Bochs Virtual HD Image', remedyOfFile: byQemu },
  { title: 'a cloop image', magic: '#!/bin/sh\n#V2.0 Format', remedyOfFile: byQemu },
  {
    title: 'a tar archive',
    offset: 257,
    magic: 'ustar',
    isTar: true,
    remedyOfFile: (path) => `unpack it first: tar -xf ${path}`,
  },
  { title: 'a gzip file', magic: GZIP, packed: 'gz', unpacker: 'gzip -dc' },
  { title: 'a zip archive', magic: ZIP, packed: 'zip' },
  {
    title: 'a 7-Zip archive',
    magic: '7z\xbc\xaf\x27\x1c',
    remedyOfFile: (path) => `unpack it first: 7z x ${path}`,
  },
  { title: 'an xz file', magic: '\xfd7zXZ\0', ...unpackedBy('xz') },
  { title: 'a zstd file', magic: ZSTD, packed: 'zst', unpacker: 'zstd -dc' },
  { title: 'a bzip2 file', magic: 'BZh', ...unpackedBy('bzip2') },
  { title: 'an LZ4 file', magic: '\x04\x22\x4d\x18', ...unpackedBy('lz4') },
];

/** It is recognized by its name: its header is a trailer. */
export const DMG: ImageKind = {
  title: 'a disk image of macOS (DMG)',
  remedyOfFile: (path) => `convert it first: qemu-img convert -f dmg -O raw ${path} disk.raw`,
};

const OVF: ImageKind = {
  title: 'an OVF descriptor',
  isText: true,
  remedyOfFile: (path) =>
    `its name must end in .ovf: kexport convert ${path} qcow2 --allow-backing`,
};

const TEXT: ImageKind = {
  title: 'text',
  isText: true,
  remedyOfFile: () => 'check that this is the file meant',
};

/**
 * What kind of image a regular file or a stream is that begins with `head`; undefined for a raw
 * disk. `size` is that of the file: a raw disk is whole sectors, but a disk may begin with text.
 */
export function imageKind(head: Uint8Array, size = head.length): ImageKind | undefined {
  const names = Object.keys(FORMATS) as FormatName[];
  const format = names.find((name) => FORMATS[name]().matches(head));
  if (format === 'ova') return { title: 'an ova image', format, isTar: true };
  if (format) return { title: `a ${format} image`, format };
  const text = Buffer.from(head).toString('latin1');
  const found = MAGICS.find(({ offset = 0, magic }) => text.startsWith(magic, offset));
  if (found) return found;
  if (size % SECTOR_SIZE === 0 || !/^[\t\r\n -~]+$/.test(text)) return undefined;
  return /<(\w+:)?Envelope\b/.test(text) ? OVF : TEXT;
}

/** What to do about a stream of that kind that was meant to be read as what it is. */
export function remedyOfStream({ packed, unpacker, format }: ImageKind): Wording {
  if (packed === 'gz' || packed === 'zst') return wording`say ${option('from', packed)}`;
  if (unpacker !== undefined) return `put ${unpacker} into the pipe before kexport`;
  if (format === undefined && packed === undefined) return 'check the program before the pipe';
  const extension = format ?? packed ?? 'img';
  return `put it into a file and name that, such as: kexport qcow2 disk.${extension}`;
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
export type PackedKind = WholeCompression | 'zip';

const PACKED_KINDS: readonly string[] = ['gz', 'zst', 'tar.gz', 'zip'] satisfies PackedKind[];

/** The compression that a format stands for, by its name; undefined for any other. */
export function packedNamed(name: string | undefined): PackedKind | undefined {
  if (name === undefined || PACKED_KINDS.includes(name)) return name as PackedKind | undefined;
  return Object.hasOwn(FORMATS, name) ? FORMATS[name as FormatName]().packed : undefined;
}

const PACKED: readonly (readonly [extension: RegExp, kind: PackedKind, magic: string])[] = [
  [/\.(tar\.gz|tgz)$/i, 'tar.gz', GZIP],
  [/\.gz$/i, 'gz', GZIP],
  [/\.zst$/i, 'zst', ZSTD],
  [/\.zip$/i, 'zip', ZIP],
];

/** How a regular file is compressed, if its name says so and its first bytes agree. */
export function packedByName(name: string, head: Uint8Array): PackedKind | undefined {
  const text = Buffer.from(head).toString('latin1');
  return PACKED.find(([end, , magic]) => end.test(name) && text.startsWith(magic))?.[1];
}
