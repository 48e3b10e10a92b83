import { createReadStream, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import {
  type BytesFrom,
  encode,
  extents,
  memorySink,
  qcow2,
  raw,
  readDisk,
  sourceFrom,
} from 'kexport';
import { describe, expect, test } from 'vitest';
import { run } from '../support/peers.ts';
import { folderWith } from '../support/folder.ts';
import { BOOT_DISK } from '../support/project.ts';
import { fixture, streamNamed } from '../support/send-streams.ts';
import { join } from 'node:path';

const disk = readFileSync(BOOT_DISK);

/** The raw disk that `encode` makes of something. */
async function imageOf(input: BytesFrom): Promise<Uint8Array> {
  const sink = memorySink();
  await encode(await sourceFrom(input), [{ format: raw(), sink }]);
  return sink.bytes();
}

async function* pieces(): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < disk.length; at += 100_000) {
    yield await Promise.resolve(disk.subarray(at, at + 100_000));
  }
}

describe('sourceFrom', () => {
  test.each<[string, () => BytesFrom]>([
    ['an array of bytes', () => new Uint8Array(disk)],
    ['a Blob', () => new Blob([disk])],
    ['a stream of Node', () => createReadStream(BOOT_DISK)],
    ['a stream of the web', () => new Blob([disk]).stream()],
    ['an iterable', pieces],
  ])('reads the disk in %s', async (_, input) => {
    expect(Buffer.from(await imageOf(input())).equals(disk)).toBe(true);
  });

  test('reads an open file, and leaves it open', async () => {
    await using file = await open(BOOT_DISK);
    expect(Buffer.from(await imageOf(file)).equals(disk)).toBe(true);
    expect((await file.stat()).size).toBe(disk.length);
  });

  test('makes the disk of a send stream', async () => {
    const stream = createReadStream(fixture('grow-full-a'));
    const sink = memorySink();
    await encode(await sourceFrom(stream, { from: 'zfs-send' }), [{ format: raw(), sink }]);
    const folder = folderWith({ disk: sink.bytes() });
    const sum = run('sha256sum', join(folder, 'disk')).slice(0, 64);
    expect(sum).toBe(streamNamed('grow-full-a').rawSha256);
  });

  test.each<[string, BytesFrom, RegExp]>([
    ['memory', new Uint8Array(), /^memory is empty/],
    ['a stream', Readable.from([]), /^the stream is empty/],
    ['text', Readable.from(['text']), /^the stream gives a piece of type string, not bytes/],
    [
      'a stream that fails',
      new ReadableStream<Uint8Array>({ pull: () => Promise.reject(new Error('gone')) }),
      /^cannot read the stream after 0 bytes: gone/,
    ],
  ])('refuses %s without a disk with a KexportError', async (_, input, message) => {
    await expect(imageOf(input)).rejects.toMatchObject({
      code: 'source',
      message: expect.stringMatching(message) as string,
    });
  });

  test('refuses a wrong size', async () => {
    await expect(sourceFrom(disk, { size: 5 })).rejects.toThrow(/size says 5/);
  });

  test.each<[string, () => BytesFrom, () => boolean]>(
    (() => {
      let cancelled = false;
      let destroyed: Readable | undefined;
      const never = new Promise<never>(() => undefined);
      const web = () =>
        new ReadableStream<Uint8Array>({
          pull: () => never,
          cancel: () => void (cancelled = true),
        });
      const node = () => (destroyed = new Readable({ read: () => undefined }));
      async function* iterable(): AsyncGenerator<Uint8Array> {
        yield new Uint8Array(512);
        await never;
      }
      return [
        ['a stream of the web', web, () => cancelled],
        ['a stream of Node', node, () => destroyed?.destroyed === true],
        ['a generator', iterable, () => true],
      ];
    })(),
  )('ends at once on an abort while %s gives nothing', async (_, input, isEnded) => {
    const stop = new AbortController();
    const encoding = encode(await sourceFrom(input()), [{ format: qcow2(), sink: memorySink() }], {
      signal: stop.signal,
    });
    setImmediate(() => stop.abort());
    await expect(encoding).rejects.toMatchObject({ code: 'aborted' });
    expect(isEnded()).toBe(true);
  });
});

describe('a source', () => {
  test('gives its data as extents that keep their bytes', async () => {
    await using source = await sourceFrom(disk);
    const copy = Buffer.alloc(disk.length);
    const found = [];
    for await (const extent of extents(source)) found.push(extent);
    for (const { diskOffset, bytes } of found) copy.set(bytes, diskOffset);
    expect(found.length).toBeGreaterThan(1);
    expect(copy.equals(disk)).toBe(true);
  });

  test('has random access, which returns fewer bytes only at its end', async () => {
    await using source = await sourceFrom(new Blob([disk]));
    expect(Buffer.from(await readDisk(source, 510, 2)).toString('hex')).toBe('55aa');
    expect(await readDisk(source, disk.length - 10, 100)).toHaveLength(10);
    expect(await readDisk(source, disk.length + 10, 100)).toHaveLength(0);
  });

  test('that is a pipe has no random access', async () => {
    await using source = await sourceFrom(pieces());
    await expect(readDisk(source, 0, 512)).rejects.toMatchObject({ code: 'unsupported' });
  });

  test('is closed once, by `encode` or by `await using`', async () => {
    const stream = createReadStream(BOOT_DISK);
    {
      await using source = await sourceFrom(stream);
      const { images } = await encode(source, [{ format: raw(), sink: memorySink() }]);
      expect(images).toHaveLength(1);
    }
    expect(stream.destroyed).toBe(true);
  });
});
