import { createHash } from 'node:crypto';
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { deflateSync } from 'node:zlib';
import { BLOCK_SIZE, type Format, type ImageOutput } from '../../formats/index.ts';

/** Of every archive here, in seconds since 1970. */
export const CREATED_AT = Date.UTC(2026, 0, 2, 3, 4, 5) / 1000;

/** What was written and where; holes cost nothing. */
export interface Archive {
  readonly output: ImageOutput;
  readonly size: number;
  read(start: number, end: number): Buffer;
}

export function emptyArchive(): Archive {
  const pieces: { offset: number; bytes: Buffer }[] = [];
  let position = 0;
  const output: ImageOutput = {
    get position() {
      return position;
    },
    append(bytes) {
      pieces.push({ offset: position, bytes: Buffer.from(bytes) });
      position += bytes.length;
    },
    zeros(count) {
      if (count < 0) throw new RangeError('blocks do not ascend');
      position += count;
    },
    patch(offset, bytes) {
      if (offset + bytes.length > position) throw new RangeError('a patch past the end');
      pieces.push({ offset, bytes: Buffer.from(bytes) });
    },
  };
  return {
    output,
    get size() {
      return position;
    },
    read(start, end) {
      const found = Buffer.alloc(end - start);
      for (const { offset, bytes } of pieces) {
        const from = Math.max(start, offset);
        const to = Math.min(end, offset + bytes.length);
        if (from < to) bytes.copy(found, from - start, from - offset, to - offset);
      }
      return found;
    },
  };
}

export interface DiskSpec {
  readonly size?: number;
  readonly name?: string;
  /** The blocks that are not zero. */
  readonly blocks?: readonly number[];
}

/** Writes a disk with a format alone. */
export function writeArchive(format: Format, spec: DiskSpec = {}): Archive {
  const { size = 4 * BLOCK_SIZE, name = 'golden', blocks = [1, 3] } = spec;
  const archive = emptyArchive();
  const uuid = Uint8Array.from({ length: 16 }, (_, i) => 0x10 + i);
  const disk = { name, size, uuid, createdAt: CREATED_AT };
  const encoding = format.encoding({ level: 6 });
  const writer = format.write({ disk, encoding, output: archive.output, hasher });
  for (const index of blocks) {
    const bytes = blockBytes(index);
    writer.add({ index, bytes, length: BLOCK_SIZE, packed: () => deflateSync(bytes) });
  }
  writer.finish(size);
  return archive;
}

/** What stands in a block that is not zero. */
export function blockBytes(index: number): Buffer {
  return Buffer.alloc(BLOCK_SIZE, `block ${index} `);
}

export function hasher(algorithm: string) {
  const hash = createHash(algorithm);
  return { update: (bytes: Uint8Array) => hash.update(bytes), digest: () => hash.digest('hex') };
}

/** Writes the archive as a file; all but its first 16 MiB must be zeros, and become a hole. */
export function saveArchive(archive: Archive, path: string): void {
  const { size } = archive;
  const fd = openSync(path, 'w');
  writeSync(fd, archive.read(0, Math.min(size, 2 ** 24)));
  ftruncateSync(fd, size);
  closeSync(fd);
}

/** A file in an archive. */
export interface Member {
  readonly name: string;
  readonly header: Buffer;
  readonly start: number;
  readonly size: number;
}

/** Walks the archive as the specification of ustar has it, sizes of GNU's aside; throws for anything else. */
export function walk(archive: Archive): { members: Member[]; end: number } {
  const members: Member[] = [];
  let at = 0;
  for (;;) {
    const header = archive.read(at, at + 512);
    if (header.every((byte) => byte === 0)) break;
    const member = strictMember(header, at + 512);
    members.push(member);
    at = member.start + Math.ceil(member.size / 512) * 512;
    const padding = archive.read(member.start + member.size, at);
    if (padding.some((byte) => byte !== 0)) throw new Error(`padding of ${member.name}`);
  }
  if (archive.size - at < 1024) throw new Error('the end is too short');
  if (archive.read(at, archive.size).some((byte) => byte !== 0))
    throw new Error('something after the end');
  return { members, end: at };
}

function strictMember(header: Buffer, start: number): Member {
  const text = (from: number, to: number) => header.toString('latin1', from, to);
  const summed = Buffer.from(header).fill(' ', 148, 156);
  const sum = summed.reduce((total, byte) => total + byte, 0);
  const [name = ''] = text(0, 100).split('\0');
  const size =
    header[124] === 0x80
      ? Number(header.readBigUInt64BE(128))
      : Number.parseInt(/^[0-7]{11}\0$/.exec(text(124, 136))?.[0] ?? 'none', 8);
  const expected = [
    [text(148, 156), `${sum.toString(8).padStart(6, '0')}\0 `],
    [text(257, 265), 'ustar\x0000'],
    [text(156, 157), '0'], // a regular file: no pax, no long names
    [text(345, 512), '\0'.repeat(167)],
  ];
  for (const [found, wanted] of expected) {
    if (found !== wanted) throw new Error(`${name}: ${JSON.stringify(found)} in its header`);
  }
  if (!/^[\w.-]+$/.test(name) || Number.isNaN(size)) throw new Error(`member ${name}, ${size}`);
  return { name, header, start, size };
}

/** The bytes of the files, by name. */
export function filesOf(archive: Archive): Map<string, Buffer> {
  const { members } = walk(archive);
  return new Map(members.map(({ name, start, size }) => [name, archive.read(start, start + size)]));
}
