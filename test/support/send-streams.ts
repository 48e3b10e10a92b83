import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { decompress } from 'fzstd';
import { FormatError } from '../../formats/index.ts';
import {
  fletcher4,
  sendStream,
  type SendStreamOptions,
  type StreamChoice,
} from '../../formats/zfs-send/index.ts';
import { fixturePath, TOP } from './project.ts';

const FIXTURES = fixturePath('zfs-send');
// 16 MiB more of them, where they are at hand.
const ALL = join(TOP, '..', 'shared', 'zfs-streams');

/** A stream that `zfs send` made. */
export interface RealStream {
  readonly name: string;
  readonly path: string;
  /** `increments`: a package of those. */
  readonly kind: 'full' | 'incremental' | 'increments' | 'package' | 'negative';
  readonly command: string;
  readonly volsize: number | null;
  readonly volblocksize: number | null;
  /** SHA-256 of the disk that it makes. */
  readonly rawSha256: string | null;
  readonly baseRawSha256: string | null;
  readonly members: readonly {
    readonly snapshot: string;
    readonly volume: boolean;
    readonly rawSha256: string | null;
    readonly volsize: number | null;
  }[];
}

/** Every stream that is available. */
export const STREAMS: readonly RealStream[] = readManifest();

function readManifest(): RealStream[] {
  const fixtures = streamsIn(FIXTURES);
  if (!existsSync(join(ALL, 'manifest.json'))) {
    console.warn('not there, so only the fixtures are tested: ../shared/zfs-streams');
    return fixtures;
  }
  const all = streamsIn(ALL);
  const names = new Set(all.map(({ name }) => name));
  return [...all, ...fixtures.filter(({ name }) => !names.has(name))];
}

function streamsIn(folder: string): RealStream[] {
  const { streams } = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as {
    streams: RealStream[];
  };
  return streams.map((stream) => ({ ...stream, path: join(folder, `${stream.name}.zfs`) }));
}

/** The stream of that name, which must be among the fixtures. */
export function streamNamed(name: string): RealStream {
  const found = STREAMS.find((stream) => stream.name === name);
  if (!found) throw new Error(`no stream is called ${name}`);
  return found;
}

/** The full streams. */
export const FULL = STREAMS.filter(({ kind }) => kind === 'full');

/**
 * The incremental streams, each with the full stream of the snapshot before, if that is available.
 */
export const INCREMENTS = STREAMS.filter(({ kind }) => kind === 'incremental').flatMap((stream) => {
  const base = FULL.find(({ rawSha256 }) => rawSha256 === stream.baseRawSha256);
  if (!base)
    console.warn(`the stream of its base is not there, so it is not tested: ${stream.name}`);
  return base ? [{ name: stream.name, stream, base }] : [];
});

/** The path of a stream among the fixtures. */
export function fixture(name: string): string {
  return join(FIXTURES, `${name}.zfs`);
}

/** The tools of a program that has neither WebAssembly nor a zlib with zstd. */
export function plainTools(): Pick<SendStreamOptions, 'checksum' | 'decompressors'> {
  return {
    checksum: fletcher4(),
    decompressors: {
      inflate: (packed, output) => output.set(inflateSync(packed)),
      zstd: (frame, output) => void decompress(frame, output),
    },
  };
}

/** The disk that a full stream makes, by the format alone. */
export function readDisk(bytes: Uint8Array, choice: StreamChoice = {}, chunk = 65_536): Buffer {
  const stream = sendStream({ ...plainTools(), choice });
  const writes: { diskOffset: number; data: Buffer }[] = [];
  let size = 0;
  for (let at = 0; at < bytes.length; at += chunk) {
    const pushed = Uint8Array.from(bytes.subarray(at, at + chunk));
    stream.push(pushed);
    for (let event = stream.next(); event; event = stream.next()) {
      if (event.kind === 'end') size = event.size ?? size;
      if (event.kind !== 'write') continue;
      const data = Buffer.alloc(event.length);
      event.decompressTo(data);
      writes.push({ diskOffset: event.diskOffset, data });
    }
    pushed.fill(0xff); // its memory is used again
  }
  stream.end();
  if (size > 2 ** 28) throw new FormatError('damaged', `${size} bytes are too many for a test`);
  const disk = Buffer.alloc(size);
  for (const { diskOffset, data } of writes) data.copy(disk, diskOffset);
  return disk;
}
