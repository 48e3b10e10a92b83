import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { TOP } from '../support/project.ts';

// 16 TiB with 64 KiB of data in every GiB, so that every table of every format grows to its full
// size.
const PROGRAM = `
import { availableParallelism } from 'node:os';
import { encode, FORMATS } from 'kexport';
const GIB = 2 ** 30, SIZE = 16 * 1024 * GIB;
let at = 0;
const source = {
  name: 'fake',
  size: SIZE,
  next(buffer) {
    if (at === SIZE) return Promise.resolve(undefined);
    const extent = { diskOffset: at, length: 65536 };
    new DataView(buffer.buffer, buffer.byteOffset).setFloat64(0, at + 1, true);
    at += GIB;
    return Promise.resolve(extent);
  },
  close: () => Promise.resolve(),
};
const nothing = () => Promise.resolve();
const sink = () => ({
  name: 'null', seekable: true, write: nothing, zeros: nothing,
  finish: nothing, commit: nothing, discard: nothing,
});
const targets = Object.values(FORMATS)
  .map((create) => create())
  .filter(({ maxDiskSize }) => maxDiskSize >= SIZE)
  .filter(({ name }) => name !== 'vhdx' && name !== 'vdi') // they hold a map of the disk
  .map((format) => ({ format, sink: sink() }));
const { images } = await encode(source, targets);
console.log(JSON.stringify({
  images: Object.fromEntries(images.map(({ format, length }) => [format.name, length])),
  peak: process.resourceUsage().maxRSS * 1024,
  workers: availableParallelism(),
}));
`;

test('a disk of 16 TiB is exported in 256 MiB, and 16 MiB for each worker', () => {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '--eval', PROGRAM],
    { cwd: TOP, encoding: 'utf8' },
  );
  expect(stderr).toBe('');
  const { images, peak, workers } = JSON.parse(stdout) as {
    images: Record<string, number>;
    peak: number;
    workers: number;
  };
  expect(images['raw']).toBe(2 ** 44);
  // Half of the L2 tables, one for each GiB with data.
  expect(images['qcow2']).toBeGreaterThan(16_384 * 65_536);
  expect(images['qcow2']).toBeLessThan(1.1 * 16_384 * 65_536);
  expect(peak).toBeLessThan((256 + 16 * workers) * 2 ** 20);
});
