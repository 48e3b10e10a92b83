// Disks that are compressed as a whole, as we and as other programs make them.

import { Uint8ArrayReader, Uint8ArrayWriter, ZipWriter } from '@zip.js/zip.js';
import { gzipSync } from 'node:zlib';
import { FORMATS, type WholeCompression } from '../../../formats/index.ts';
import { encodeMember } from '../../../formats/tar/encode-tar.ts';
import { TAR_END } from '../../../formats/tar/layout.ts';
import { text } from '../../support/disks.ts';
import { writeImage } from '../../support/write-image.ts';
import { joined, split } from '../places/tar.ts';
import type { Seed } from '../target.ts';

const KIB = 1024;
const CONTENT = text(4 * KIB);
const DISK = { name: 'x', size: 192 * KIB, pieces: [{ offset: 64 * KIB, bytes: CONTENT }] };
const RAW = Buffer.concat([CONTENT, Buffer.alloc(60 * KIB), CONTENT]);

/** Disks compressed in that way. */
export async function compressedSeeds(kind: WholeCompression | 'zip'): Promise<Seed[]> {
  switch (kind) {
    case 'gz':
      return [await ours('raw.gz'), { name: 'of zlib', bytes: gzipSync(RAW) }, gzipMembers()];
    case 'zst':
      return [await ours('raw.zst'), { name: 'of zstd', bytes: ZSTD_FRAMES }];
    case 'tar.gz':
      return [
        await ours('gce'),
        { name: 'with a manifest', bytes: gzipSync(archive(), { level: 1 }) },
        { name: 'sparse', bytes: gzipSync(sparseArchive(), { level: 1 }) },
      ];
    case 'zip':
      return Promise.all([zip(true, 9), zip(false, 9), zip(false, 0)]);
  }
}

async function ours(name: 'raw.gz' | 'raw.zst' | 'gce'): Promise<Seed> {
  return { name: 'ours', bytes: (await writeImage(FORMATS[name](), DISK)).bytes };
}

/** Two members, the first with all optional fields: RFC 1952, section 2.3. */
function gzipMembers(): Seed {
  const whole = gzipSync(CONTENT);
  const flags = 0b1_1100; // FEXTRA, FNAME, FCOMMENT
  const head = Buffer.from(whole.subarray(0, 10));
  head[3] = flags;
  const extra = Buffer.from('\x04\0ab\0\0name\0comment\0', 'latin1');
  const first = Buffer.concat([head, extra, whole.subarray(10)]);
  return { name: 'of two members', bytes: Buffer.concat([first, whole]) };
}

/**
 * RFC 8878: a frame with a checksum, made by `printf 'text text text text' | zstd`, a
 * frame that is skipped, and one of a raw block and a repeated byte.
 */
const ZSTD_FRAMES = Buffer.concat([
  Buffer.from('28b52ffd04585d00002874657874200100908b1632788e2c', 'hex'),
  Buffer.from('502a4d1804000000deadbeef', 'hex'),
  Buffer.from('28b52ffd0038', 'hex'),
  Buffer.from('200000', 'hex'), // a raw block of 4 bytes
  Buffer.from('abcd'),
  Buffer.from('030008', 'hex'), // the last block: 65,536 times the byte that follows
  Buffer.of(0),
]);

function archive(): Buffer {
  const manifest = { name: 'manifest.json', bytes: Buffer.from('{"licenses":[]}'), mtime: 0 };
  const disk = { name: 'disk.raw', bytes: RAW, mtime: 0 };
  const parts = [manifest, disk].flatMap(encodeMember);
  return Buffer.concat([...parts, Buffer.alloc(TAR_END)]);
}

/** GNU's old format: a map of four parts in the header, more in a block behind it. */
function sparseArchive(): Buffer {
  const octal = (value: number) => `${value.toString(8).padStart(11, '0')}\0`;
  const parts = [0, 1, 2, 3, 4].map((i) => [i * 16 * KIB, KIB] as const);
  const map = parts.map(([offset, length]) => octal(offset) + octal(length));
  const members = split(archive()).filter(({ name }) => name === 'disk.raw');
  return joined(
    members.map((member) => {
      const header = Buffer.from(member.header);
      header.write('S', 156);
      header.write('ustar  \0', 257, 'latin1');
      header.fill(0, 345);
      header.write(map.slice(0, 4).join(''), 386, 'latin1');
      header[482] = 1;
      header.write(octal(80 * KIB), 483, 'latin1');
      const more = Buffer.alloc(512);
      more.write(map.slice(4).join(''), 'latin1');
      const size = Buffer.from(octal(5 * KIB), 'latin1');
      return { ...member, header, size, data: Buffer.concat([more, text(5 * KIB)]) };
    }),
  );
}

async function zip(zip64: boolean, level: number): Promise<Seed> {
  const writer = new ZipWriter(new Uint8ArrayWriter(), { zip64, level, useWebWorkers: false });
  await writer.add('disk.raw', new Uint8ArrayReader(RAW), { lastModDate: new Date(0) });
  return { name: `level ${level}`, bytes: await writer.close() };
}
