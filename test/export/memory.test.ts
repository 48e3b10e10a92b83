import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { built } from '../support/built.ts';
import { TOP } from '../support/project.ts';
import { HAS_ZSTD } from '../support/zstd.ts';

const MIB = 2 ** 20;

// A disk with 64 KiB of data in every GiB, and a place that takes all and keeps nothing.
const FAKES = `
const GIB = 2 ** 30;
const fakeDisk = (size, isSizeKnown = true) => {
  let at = 0;
  const source = {
    name: 'fake',
    size: isSizeKnown ? size : undefined,
    next(buffer) {
      if (at === size) source.size = size;
      if (at === size) return Promise.resolve(undefined);
      const extent = { diskOffset: at, length: 65536 };
      new DataView(buffer.buffer, buffer.byteOffset).setFloat64(0, at + 1, true);
      at += GIB;
      return Promise.resolve(extent);
    },
    close: () => Promise.resolve(),
  };
  return source;
};
const nothing = () => Promise.resolve();
const sink = () => ({
  name: 'null', seekable: true, write: nothing, zeros: nothing,
  finish: nothing, commit: nothing, discard: nothing,
});
`;

// 16 TiB, so that every table of every format grows to its full size.
const PROGRAM = `
import { availableParallelism } from 'node:os';
import { encode, FORMATS, vhdx } from 'kexport';
const isSizeKnown = process.argv[1] === 'known';
${FAKES}
const SIZE = 16 * 1024 * GIB;
const targets = [...Object.values(FORMATS).map((create) => create()), vhdx({ fixed: true })]
  .filter(({ maxDiskSize }) => maxDiskSize >= SIZE)
  .filter(({ needsDiskSize }) => isSizeKnown || !needsDiskSize)
  .filter(({ name }) => name !== 'raw.zst' || ${String(HAS_ZSTD)})
  .filter(({ readsBack }) => !readsBack) // no sink of nothing can be read
  .filter(({ name }) => name !== 'vma') // it takes a minute for five million MD5s
  .map((format) => ({ format, sink: sink() }));
const { images } = await encode(fakeDisk(SIZE, isSizeKnown), targets);
console.log(JSON.stringify({
  images: images.map(({ format, length }) => ({ name: format.name, length })),
  peak: process.resourceUsage().maxRSS * 1024,
  workers: availableParallelism(),
}));
`;

const ZSTD = HAS_ZSTD ? ['raw.zst'] : [];
const BOXES = ['vagrant-libvirt', 'vagrant-virtualbox'];

test.each([
  [
    'known',
    [
      'raw',
      'raw.gz',
      ...ZSTD,
      'qcow2',
      'vhdx',
      'vhdx',
      'vdi',
      'vmdk',
      'ova',
      'gce',
      'incus',
      ...BOXES,
    ],
  ],
  // The others would spool the disk.
  ['unknown', ['raw', 'raw.gz', ...ZSTD, 'qcow2', 'vhdx', 'vhdx', 'vmdk', 'incus']],
])('a disk of 16 TiB of %s size is exported in 256 MiB, and 16 MiB a worker', (size, names) => {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '--eval', PROGRAM, size],
    { cwd: TOP, encoding: 'utf8' },
  );
  expect(stderr).toBe('');
  const { images, peak, workers } = JSON.parse(stdout) as {
    images: { readonly name: string; readonly length: number }[];
    peak: number;
    workers: number;
  };
  expect(images.map(({ name }) => name).sort()).toEqual([...names].sort());
  const lengthsOf = (wanted: string) =>
    images.filter(({ name }) => name === wanted).map(({ length }) => length);
  expect(lengthsOf('raw')).toEqual([2 ** 44]);
  // Half of the L2 tables, one for each GiB with data.
  expect(lengthsOf('qcow2')[0]).toBeGreaterThan(16_384 * 65_536);
  expect(lengthsOf('qcow2')[0]).toBeLessThan(1.1 * 16_384 * 65_536);
  // A table of 8 bytes for each block of 1 MiB and for each 4096 blocks, in whole MiB.
  const front = (3 + 129) * MIB;
  expect(lengthsOf('vhdx')).toEqual([front + 16_384 * MIB, front + 2 ** 44]);
  expect(peak).toBeLessThan((256 + 16 * workers) * MIB);
});

test('64 threads keep to the ceiling, with all images hashed and read back', () => {
  const args = [built('test/memory/run.ts'), '--quick', '--threads', '64'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: TOP,
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  expect(stdout).toMatch(/^\d{2,4} of 1280 MiB: all /);
  expect(status).toBe(0);
});

// A machine of 12 disks: what one disk takes must be free for the next.
const MACHINE = `
import { availableParallelism } from 'node:os';
import { encodeMachine, ova, qcow2 } from 'kexport';
${FAKES}
const disks = Array.from({ length: 12 }, () => ({
  source: fakeDisk(512 * GIB),
  targets: [{ format: qcow2(), sink: sink() }],
}));
const result = await encodeMachine(disks, [{ format: ova(), sink: sink() }]);
console.log(JSON.stringify({
  count: result.disks.length,
  peak: process.resourceUsage().maxRSS * 1024,
  workers: availableParallelism(),
}));
`;

test('a machine of 12 disks takes no more memory than one disk', () => {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '--eval', MACHINE],
    { cwd: TOP, encoding: 'utf8' },
  );
  expect(stderr).toBe('');
  const { count, peak, workers } = JSON.parse(stdout) as {
    count: number;
    peak: number;
    workers: number;
  };
  expect(count).toBe(12);
  expect(peak).toBeLessThan((256 + 16 * workers) * MIB);
});
