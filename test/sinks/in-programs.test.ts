// Sinks for programs: memory, and streams of Node and of the web.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import {
  encode,
  fileSink,
  type Format,
  memorySink,
  qcow2,
  raw,
  sourceFrom,
  vhd,
  vmdk,
  writableSink,
} from 'kexport';
import { describe, expect, test } from 'vitest';
import { folderWith, temporaryFolder } from '../support/folder.ts';
import { compareImage, describeWith } from '../support/peers.ts';
import { BOOT_DISK } from '../support/project.ts';

const disk = readFileSync(BOOT_DISK);
const IDENTITY = { name: 'x', uuid: new Uint8Array(16), createdAt: 1 };

/** Makes one image of the disk. */
async function encodeTo(format: Format, sink: Parameters<typeof encode>[1][number]['sink']) {
  return encode(await sourceFrom(disk), [{ format, sink }], { identity: IDENTITY });
}

/** The image in a memory sink. */
async function inMemory(format: Format): Promise<Buffer> {
  const sink = memorySink();
  await encodeTo(format, sink);
  return Buffer.from(sink.bytes());
}

describeWith(['qemu-img'], 'a memory sink', () => {
  test.each(['qcow2', 'vmdk', 'vhd'] as const)('holds a %s that QEMU reads', async (name) => {
    const format = { qcow2, vmdk, vhd }[name]();
    const image = join(folderWith({ image: await inMemory(format) }), 'image');
    compareImage(name, image, BOOT_DISK);
  });
});

describe('a memory sink', () => {
  test('has no image before the export has succeeded', async () => {
    const sink = memorySink({ name: 'mine' });
    expect(() => sink.bytes()).toThrow('the image in mine is not complete');
    const source = await sourceFrom(disk);
    const signal = AbortSignal.abort();
    await expect(encode(source, [{ format: raw(), sink }], { signal })).rejects.toThrow();
    expect(() => sink.bytes()).toThrow('the image in mine is not complete');
  });
});

describe('a writable sink', () => {
  test.each([
    ['a format that streams', raw],
    ['one whose header comes last', qcow2],
  ])('sends a stream of Node %s, byte for byte', async (_, format) => {
    const stream = new PassThrough();
    const [image] = await Promise.all([buffer(stream), encodeTo(format(), writableSink(stream))]);
    expect(image.equals(await inMemory(format()))).toBe(true);
  });

  test('sends a stream of the web the same, and closes it', async () => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const sent = new Response(readable).arrayBuffer();
    await encodeTo(vmdk(), writableSink(writable));
    expect(Buffer.from(await sent).equals(await inMemory(vmdk()))).toBe(true);
  });

  test('leaves a stream open that is to go on', async () => {
    const stream = new PassThrough();
    const image = buffer(stream);
    await encodeTo(raw(), writableSink(stream, { end: false }));
    stream.end('more');
    expect((await image).subarray(disk.length).toString()).toBe('more');
  });

  test.each<[string, () => Writable]>([
    ['fails', () => new Writable({ write: (_piece, _encoding, done) => done(new Error('full')) })],
    ['is closed', () => new PassThrough().destroy()],
  ])('fails with a KexportError where the stream %s', async (_, stream) => {
    const sink = writableSink(stream(), { name: 'the reader' });
    await expect(encodeTo(raw(), sink)).rejects.toMatchObject({
      code: 'target',
      message: expect.stringMatching(/^cannot write to the reader: /) as string,
    });
  });

  test('does not wait on an abort for a stream that takes nothing, and destroys it', async () => {
    const stop = new AbortController();
    const stream = new Writable({ write: () => setImmediate(() => stop.abort()) });
    const source = await sourceFrom(disk);
    const targets = [{ format: raw(), sink: writableSink(stream) }];
    const encoding = encode(source, targets, { signal: stop.signal });
    await expect(encoding).rejects.toMatchObject({ code: 'aborted' });
    expect(stream.destroyed).toBe(true);
  });
});

describe('a sink at the end of an `await using`', () => {
  test('leaves nothing if it was not committed', async () => {
    const folder = temporaryFolder();
    {
      await using sink = await fileSink(join(folder, 'x.raw'));
      expect(sink.name).toBe(join(folder, 'x.raw'));
      expect(readdirSync(folder)).toEqual(['x.raw.partial']);
    }
    expect(readdirSync(folder)).toEqual([]);
  });

  test('leaves its image if it is committed', async () => {
    const path = join(temporaryFolder(), 'x.raw');
    {
      await using sink = await fileSink(path);
      await encodeTo(raw(), sink);
    }
    expect(existsSync(path)).toBe(true);
  });
});
