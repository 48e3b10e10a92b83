// Requests and disks that the library must refuse, or cannot finish.

import { readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  encode,
  fileSink,
  KexportError,
  openSource,
  raw,
  type Source,
  type ZlibLevel,
} from 'kexport';
import { describe, expect, test } from 'vitest';
import { noise } from '../support/disks.ts';
import { folderWith, temporaryFolder } from '../support/folder.ts';

const MIB = 2 ** 20;

const folderWithDisk = () => folderWith({ disk: noise(3 * MIB) });

async function target(path: string, format = raw()) {
  return { format, sink: await fileSink(path) };
}

describe('encode', () => {
  test('names two images of one format by their sinks', async () => {
    const cwd = folderWithDisk();
    const format = raw();
    const paths = [join(cwd, 'a'), join(cwd, 'b')];
    const targets = await Promise.all(paths.map((path) => target(path, format)));
    const { images } = await encode(await openSource(join(cwd, 'disk')), targets);
    expect(images.map(({ name }) => name)).toEqual(paths);
  });

  test.each([
    ['a level', { level: 10 as number as ZlibLevel }],
    ['a number of threads', { threads: 0 }],
  ])('refuses %s out of range, and leaves nothing', async (_, options) => {
    const cwd = folderWithDisk();
    const source = await openSource(join(cwd, 'disk'));
    const targets = [await target(join(cwd, 'x'))];
    await expect(encode(source, targets, options)).rejects.toThrow(KexportError);
    expect(readdirSync(cwd)).toEqual(['disk']);
  });

  test('refuses an empty list of images', async () => {
    const source = await openSource(join(folderWithDisk(), 'disk'));
    await expect(encode(source, [])).rejects.toThrow('no image was requested');
  });

  test('ends at once on a signal that was aborted before', async () => {
    const cwd = folderWithDisk();
    const source = await openSource(join(cwd, 'disk'));
    const signal = AbortSignal.abort('SIGINT');
    await expect(encode(source, [await target(join(cwd, 'x'))], { signal })).rejects.toMatchObject({
      code: 'aborted',
    });
    expect(readdirSync(cwd)).toEqual(['disk']);
  });

  test('gives no image its name if a later one cannot get its own', async () => {
    const cwd = folderWithDisk();
    const first = await target(join(cwd, 'a'));
    const second = await target(join(cwd, 'b'));
    const failing = {
      ...second.sink,
      commit: () => Promise.reject(new KexportError('target', 'no')),
    };
    const targets = [first, { ...second, sink: failing }];
    await expect(encode(await openSource(join(cwd, 'disk')), targets)).rejects.toThrow('no');
    expect(readdirSync(cwd)).toEqual(['disk']);
  });
});

describe('a disk that fails while it is read', () => {
  test('ends encode with its error, and leaves no file', async () => {
    const cwd = temporaryFolder();
    let reads = 0;
    const source: Source = {
      name: 'sick',
      size: 8 * MIB,
      next(buffer) {
        if (reads++ > 2) throw new KexportError('source', 'cannot read sick at byte 3145728: EIO');
        buffer.fill(1);
        return Promise.resolve({ diskOffset: (reads - 1) * buffer.length, length: buffer.length });
      },
      close: () => Promise.resolve(),
    };
    await expect(encode(source, [await target(join(cwd, 'x'))])).rejects.toThrow(
      'cannot read sick',
    );
    expect(readdirSync(cwd)).toEqual([]);
  });

  test('ends encode with an error if it was cut off, and leaves no file', async () => {
    const cwd = temporaryFolder();
    const path = join(cwd, 'disk');
    writeFileSync(path, noise(8 * MIB));
    const source = await openSource(path);
    truncateSync(path, 3 * MIB);
    await expect(encode(source, [await target(join(cwd, 'x'))])).rejects.toThrow(
      'it shrank while it was read',
    );
    expect(readdirSync(cwd)).toEqual(['disk']);
  });
});
