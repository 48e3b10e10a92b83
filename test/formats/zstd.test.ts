// The frames of a raw.zst, and those that are only followed.

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { rawZst } from '../../formats/index.ts';
import { zeroFrames } from '../../formats/zstd/encode-frames.ts';
import { zstdFrames } from '../../formats/zstd/frames.ts';
import { DISKS, noise, writeDisk } from '../support/disks.ts';
import { temporaryFolder } from '../support/folder.ts';
import { compareOutput, describeWith, run, runForBytes } from '../support/peers.ts';
import { writeImage } from '../support/write-image.ts';

describeWith(['zstd', '7zz'], 'a raw.zst', () => {
  test.each(DISKS.map((disk) => [disk.name, disk] as const))(
    'is that disk: %s',
    async (_, disk) => {
      const folder = temporaryFolder();
      const image = join(folder, 'x.raw.zst');
      (await writeImage(rawZst(), disk)).save(image);
      writeDisk(join(folder, 'disk'), disk);
      run('zstd', '--test', image);
      compareOutput(join(folder, 'disk'), 'zstd', '-dc', image);
      if (disk.size <= 2 ** 26) compareOutput(join(folder, 'disk'), '7zz', 'x', '-so', image);
    },
  );
});

test('3 TiB of zeros take 100 MB of frames', () => {
  expect(zeroFrames(3 * 2 ** 40).length).toBeLessThan(101e6);
});

describeWith(['zstd'], 'a file of frames that are followed', () => {
  const files: [string, string[]][] = [
    ['with a checksum', ['--check']],
    ['without one', ['--no-check']],
    ['of a pipe, without a size', ['-19', '--no-content-size']],
  ];

  test.each(files)('is whole at its end, and nowhere before it: %s', (_, options) => {
    const folder = temporaryFolder();
    const disk = { size: 300_000, pieces: [{ offset: 1000, bytes: noise(1000) }] };
    writeDisk(join(folder, 'disk'), disk);
    const frame = runForBytes('zstd', '-qc', ...options, join(folder, 'disk'));
    const skipped = Buffer.from('502a4d1803000000aabbcc', 'hex');
    const file = Buffer.concat([skipped, frame, frame]);
    const ends = [0, skipped.length, skipped.length + frame.length, file.length];
    const frames = zstdFrames();
    for (let at = 0; at < file.length; at++) {
      expect([at, frames.isWhole()]).toEqual([at, ends.includes(at)]);
      frames.push(file.subarray(at, at + 1));
    }
    expect(frames.isWhole()).toBe(true);
  });

  test('is no frame', () => {
    const frames = zstdFrames();
    frames.push(Buffer.from('no frame at all'));
    expect(frames.isWhole()).toBe(false);
  });
});
