// What tests of the page have in common, whichever browser it is in.

import { createHash } from 'node:crypto';
import { encode, FORMATS, type FormatName, memorySink, openSource } from 'kexport';

/** What a browser can write. */
export const WRITABLE = (Object.keys(FORMATS) as FormatName[]).filter((name) => name !== 'raw.zst');

/** Without the format that makes a GiB of each disk. */
export const WRITTEN = WRITABLE.filter((name) => name !== 'gce');

/** A uuid of random bits, all bytes 0x47: the variant is set in it. */
const UUID = new Uint8Array(16).fill(0x47).fill(0x87, 8, 9);

const IDENTITY = { name: 'x', uuid: UUID, createdAt: 1e9 };

/** Has the worker of the page make images of that identity. */
export const AS_KNOWN = `
  const { Blob: OwnBlob } = window;
  const preamble = 'Date.now = () => 1e12; crypto.getRandomValues = (bytes) => bytes.fill(0x47);';
  window.Blob = class extends OwnBlob {
    constructor(parts, options) {
      super(options?.type === 'text/javascript' ? [preamble, ...parts] : parts, options);
    }
  };
`;

/** Hashes of files by their names. */
export type Hashes = Readonly<Record<string, string>>;

/** What the library makes of a file, by file name. */
export async function expectedOf(path: string, formats: readonly FormatName[]): Promise<Hashes> {
  const targets = formats.map((name) => {
    const format = FORMATS[name]();
    return { format, sink: memorySink(), fileName: `x.${format.extension}` };
  });
  await encode(await openSource(path), targets, { identity: IDENTITY });
  return Object.fromEntries(
    targets.map(({ fileName, sink }) => [
      fileName,
      createHash('sha256').update(sink.bytes()).digest('hex'),
    ]),
  );
}

/** Of 1 MiB and some sectors: bytes that compress, zeros, and bytes that do not. */
export function smallDisk(): Buffer {
  const disk = Buffer.alloc(2 ** 20 + 6 * 512);
  disk.fill('a disk ', 4096, 150_000);
  for (let at = 600_000; at < 700_000; at++) disk[at] = (at * at * 31) >>> 7;
  disk.fill('end', 2 ** 20 + 5 * 512);
  return disk;
}
