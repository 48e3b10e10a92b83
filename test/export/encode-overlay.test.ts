// Overlays as a program makes them.

import { createReadStream, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import {
  encode,
  encodeOverlay,
  fileSink,
  openChanges,
  openSource,
  qcow2,
  writableSink,
} from 'kexport';
import { beforeAll, expect, test } from 'vitest';
import { sharedFolder } from '../support/folder.ts';
import { checkQcow2, run, sha256Of, testWith } from '../support/peers.ts';
import { fixture, streamNamed } from '../support/send-streams.ts';

const folder = sharedFolder();
const backingFile = join(folder, 'base.qcow2');
const overlay = join(folder, 'overlay.qcow2');

beforeAll(async () => {
  const targets = [{ format: qcow2(), sink: await fileSink(backingFile) }];
  await encode(await openSource(fixture('grow-full-a')), targets);
  const changes = await openChanges(createReadStream(fixture('grow-inc-b')));
  const { images } = await encodeOverlay(changes, await fileSink(overlay), { backingFile });
  expect(images.map(({ name }) => name)).toEqual([overlay]);
});

testWith(['qemu-img'], 'an overlay of a stream is the disk of its snapshot', () => {
  checkQcow2(overlay);
  const disk = join(folder, 'disk');
  run('qemu-img', 'convert', '-O', 'raw', overlay, disk);
  expect(sha256Of(disk)).toBe(streamNamed('grow-inc-b').rawSha256);
});

test('an overlay that goes to a pipe has the same bytes', async () => {
  const pipe = new PassThrough();
  const sent = buffer(pipe);
  await using changes = await openChanges(fixture('grow-inc-b'));
  await encodeOverlay(changes, writableSink(pipe), { backingFile });
  expect((await sent).equals(readFileSync(overlay))).toBe(true);
});

test('an overlay of another image is refused with a hint, and leaves nothing', async () => {
  await using changes = await openChanges(fixture('grow-full-a'));
  const before = readdirSync(folder);
  const sink = await fileSink(join(folder, 'other.qcow2'));
  await expect(encodeOverlay(changes, sink, { backingFile })).rejects.toMatchObject({
    code: 'usage',
    hint: 'leave out backingFile and flatten',
  });
  expect(readdirSync(folder)).toEqual(before);
});
