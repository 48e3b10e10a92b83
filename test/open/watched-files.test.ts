import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  encode,
  fileSink,
  memorySink,
  openSource,
  qcow2,
  raw,
  type SourceOptions,
  type Warning,
} from 'kexport';
import { expect, test } from 'vitest';
import { noise } from '../support/disks.ts';
import { folderWith } from '../support/folder.ts';
import { run, testWith } from '../support/peers.ts';

const BLOCK = 65_536;

/** A raw disk and an image of it. */
async function files(): Promise<readonly string[]> {
  const disk = join(folderWith({ 'disk.raw': noise(4 * BLOCK) }), 'disk.raw');
  const image = disk.replace(/raw$/, 'qcow2');
  await encode(await openSource(disk), [{ format: qcow2(), sink: await fileSink(image) }]);
  return [disk, image];
}

/** Reads a disk from a file to its end, and writes to a file of it meanwhile. */
async function readWhileWritten(
  path: string,
  options: SourceOptions = {},
  written = path,
): Promise<void> {
  utimesSync(written, 0, 0); // the clock of files may not have moved on since it was made
  await using source = await openSource(path, options);
  const buffer = new Uint8Array(BLOCK);
  await source.next(buffer);
  writeFileSync(written, '', { flag: 'r+' });
  utimesSync(written, 0, 1);
  while (await source.next(buffer));
}

test('a disk that is written to while it is read is an error', async () => {
  for (const path of await files()) {
    await expect(readWhileWritten(path)).rejects.toThrow(
      `${path} was written to while it was read: what is read may be partly old and partly new`,
    );
  }
});

testWith(['qemu-img'], 'so is one whose backing file is', async () => {
  const [disk = ''] = await files();
  const overlay = disk.replace(/disk.raw$/, 'overlay.qcow2');
  run('qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', 'disk.raw', overlay);
  await expect(readWhileWritten(overlay, { allowBacking: true }, disk)).rejects.toThrow(
    `${disk} was written to while it was read`,
  );
});

test('or a warning, if it is taken as it is', async () => {
  for (const path of await files()) {
    const warnings: Warning[] = [];
    const onWarning = (warning: Warning) => void warnings.push(warning);
    await readWhileWritten(path, { takeSnapshot: false, onWarning });
    expect(warnings.map(({ code }) => code)).toEqual(['inconsistent']);
  }
});

test('a disk that is only read is none', async () => {
  for (const path of await files()) {
    const sink = memorySink();
    await encode(await openSource(path), [{ format: raw(), sink }]);
    expect(sink.bytes().length).toBe(4 * BLOCK);
  }
});
