// A reader of archives that accepts only what the specification says. It shares no code with the
// writer.

import type { MemoryImage } from '../support/memory-image.ts';

/** A file in an archive. */
interface Member {
  readonly name: string;
  readonly header: Buffer;
  readonly start: number;
  readonly size: number;
}

/** Walks an archive by the specification of ustar, with GNU's sizes; throws for anything else. */
export function walk(archive: MemoryImage): { members: Member[]; end: number } {
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
  if (archive.position - at < 1024) throw new Error('the end is too short');
  if (archive.read(at, archive.position).some((byte) => byte !== 0))
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
export function filesOf(archive: MemoryImage): Map<string, Buffer> {
  const { members } = walk(archive);
  return new Map(members.map(({ name, start, size }) => [name, archive.read(start, start + size)]));
}
