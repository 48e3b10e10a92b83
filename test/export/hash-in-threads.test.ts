// Exports with so many threads that the images are hashed by threads of their own.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  encode,
  fileSink,
  FORMATS,
  memorySink,
  openSource,
  raw,
  qcow2,
  type Sink,
  sourceFrom,
} from 'kexport';
import { describe, expect, test } from 'vitest';
import { noise, text } from '../support/disks.ts';
import { folderWith } from '../support/folder.ts';
import { report } from '../support/report.ts';
import { runIn } from '../support/peers.ts';

const MIB = 2 ** 20;
const DISK = Buffer.concat([noise(6 * MIB), Buffer.alloc(5 * MIB), text(3 * MIB), noise(MIB)]);

const identity = { name: 'x', uuid: new Uint8Array(16).fill(7), createdAt: 1_700_000_000 };

async function imagesBy(threads: number): Promise<Map<string, Uint8Array>> {
  const names = ['qcow2', 'raw', 'vhd', 'vmdk', 'ova', 'containerdisk'] as const;
  const sinks = names.map((name) => memorySink({ name }));
  const targets = names.map((name, index) => ({ format: FORMATS[name](), sink: sinks[index]! }));
  await encode(await sourceFrom(DISK), targets, { threads, identity });
  return new Map(sinks.map((sink) => [sink.name, sink.bytes()]));
}

test('images are the same, byte for byte, as with one thread', async () => {
  const [few, many] = [await imagesBy(1), await imagesBy(8)];
  for (const [name, bytes] of few) {
    expect(Buffer.compare(bytes, many.get(name) ?? Buffer.alloc(0)), name).toBe(0);
  }
});

test('--checksums has the sums of all images, and --verify reads them back', () => {
  const cwd = folderWith({ disk: DISK });
  const words = ['all,vhd-dynamic', 'disk', '--name', 'x', '--checksums', '--verify'];
  report([...words, '--threads', '8'], cwd);
  const checked = runIn(cwd, 'sha256sum', '-c', 'SHA256SUMS');
  expect(checked.match(/: OK\n/g)).toHaveLength(6);
});

/** A file that another byte gets into. */
async function damagedSink(path: string): Promise<Sink> {
  const sink = await fileSink(path);
  const write: Sink['write'] = (imageOffset, buffers, signal) => {
    const [first = new Uint8Array(), ...others] = buffers;
    const changed = Uint8Array.from(first);
    if (imageOffset === 0) changed[1]! ^= 1;
    return sink.write(imageOffset, [changed, ...others], signal);
  };
  return Object.create(sink, { write: { value: write } }) as Sink;
}

describe('--verify', () => {
  test.each([1, 8])('finds a changed byte with %i threads, and leaves no file', async (threads) => {
    const cwd = folderWith({ disk: DISK });
    const targets = [
      { format: raw(), sink: await damagedSink(join(cwd, 'x.raw')) },
      { format: qcow2(), sink: await fileSink(join(cwd, 'x.qcow2')) },
    ];
    const source = await openSource(join(cwd, 'disk'));
    await expect(encode(source, targets, { threads, verify: true })).rejects.toThrow(
      /x.raw is not what was written: it reads back as another disk/,
    );
    expect(readdirSync(cwd)).toEqual(['disk']);
  });

  test('can be aborted while threads hash, and leaves no file', async () => {
    const cwd = folderWith({ disk: DISK });
    const stop = new AbortController();
    const targets = [{ format: qcow2(), sink: await fileSink(join(cwd, 'x.qcow2')) }];
    const made = encode(await openSource(join(cwd, 'disk')), targets, {
      threads: 8,
      verify: true,
      signal: stop.signal,
      onProgress({ phase }) {
        if (phase === 'verifying') stop.abort('SIGINT');
      },
    });
    await expect(made).rejects.toMatchObject({ code: 'aborted' });
    expect(readdirSync(cwd)).toEqual(['disk']);
  });
});
