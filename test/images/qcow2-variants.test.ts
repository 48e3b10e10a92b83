// Images of every kind that qemu-img makes: read as disks by the library, checked by the format.

import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { qcow2 } from '../../formats/index.ts';
import { noise, text, writeDisk } from '../support/disks.ts';
import { sharedFolder, temporaryFolder } from '../support/folder.ts';
import { kexport } from '../support/kexport.ts';
import { describeWith, run, runIn } from '../support/peers.ts';
import { openImage, problemsOf } from '../support/read-image.ts';
import { bytesAt, diskInFile } from '../support/read-source.ts';

const SIZE = 9 * 2 ** 20 + 1536; // ends within a cluster of any size

const PIECES = [
  { offset: 0, bytes: text(200_000) },
  { offset: 1_000_000, bytes: noise(300_000) },
  { offset: 2 ** 21, bytes: text(2 ** 20, 5) },
  { offset: 5 * 2 ** 20 + 4096, bytes: noise(4096, 3) },
  { offset: SIZE - 700, bytes: text(700, 7) },
];

const OPTIONS = [
  '',
  'compat=0.10',
  ...[512, 1024, 4096, 16_384, 262_144, 2 ** 20, 2 ** 21].map((size) => `cluster_size=${size}`),
  ...[1, 2, 4, 8, 32, 64].map((bits) => `refcount_bits=${bits}`),
  'extended_l2=on',
  'extended_l2=on,cluster_size=16384',
  'extended_l2=on,cluster_size=2097152',
  'compression_type=zstd',
  'compression_type=zstd,cluster_size=2097152',
  'lazy_refcounts=on',
  ...['metadata', 'falloc', 'full'].map((how) => `preallocation=${how}`),
  'preallocation=metadata,extended_l2=on',
];

/** The reader of an image in a file, by the format alone. */
const readerOf = (path: string) => openImage(qcow2(), readFileSync(path));

describeWith(['qemu-img'], 'an image of qemu-img', () => {
  const folder = sharedFolder();
  const disk = join(folder, 'disk');
  beforeAll(() => writeDisk(disk, { size: SIZE, pieces: PIECES }));

  const cases = OPTIONS.flatMap((options) =>
    (options.includes('preallocation') ? [''] : ['', '-c']).map(
      (compressed) => [options, compressed] as const,
    ),
  );
  test.each(cases)(
    'with %s %s is the disk that it was made of, and sound',
    async (options, compressed) => {
      const image = join(temporaryFolder(), 'image.qcow2');
      const created = options === '' ? [] : ['-o', options];
      const flags = compressed === '' ? [] : [compressed];
      run('qemu-img', 'convert', ...flags, '-O', 'qcow2', ...created, disk, image);
      const bytes = readFileSync(disk);
      expect((await diskInFile(image)).equals(bytes)).toBe(true);
      expect(await problemsOf(await readerOf(image))).toStrictEqual([]);
      const places = [...Array(50).keys()].map((i) => i * 190_001).concat(SIZE - 1, SIZE);
      const found = await bytesAt(image, places, 5000);
      const expected = places.map((place) => bytes.subarray(place, place + 5000));
      expect(found.findIndex((each, i) => !each.equals(expected[i]!))).toBe(-1);
    },
  );

  test('over a shorter raw disk is zeros past its end', async () => {
    const target = temporaryFolder();
    const image = join(target, 'image.qcow2');
    run('cp', disk, join(target, 'below.img'));
    const created = ['-f', 'qcow2', '-b', 'below.img', '-F', 'raw', image, String(2 * SIZE)];
    runIn(target, 'qemu-img', 'create', '-q', ...created);
    const places = [SIZE - 100, SIZE, SIZE + 70_000];
    const [end, ...after] = await bytesAt(image, places, 1000, { allowBacking: true });
    const expected = Buffer.concat([readFileSync(disk).subarray(-100), Buffer.alloc(900)]);
    expect(end?.equals(expected)).toBe(true);
    expect(after).toStrictEqual([Buffer.alloc(1000), Buffer.alloc(1000)]);
  });

  test('with writes, zeros and discards in it reads as QEMU reads it', async () => {
    for (const options of ['compat=0.10', 'compat=1.1', 'extended_l2=on', 'cluster_size=512']) {
      const image = join(temporaryFolder(), 'image.qcow2');
      run('qemu-img', 'convert', '-c', '-O', 'qcow2', '-o', options, disk, image);
      const commands = [
        'write -P 7 100k 300k',
        'write -z 2M 100k',
        'discard 3M 1M',
        'write -P 9 5M 1k',
      ];
      run('qemu-io', ...commands.flatMap((command) => ['-c', command]), image);
      await expectSame(image);
      expect(await problemsOf(await readerOf(image))).toStrictEqual([]);
    }
  });

  test('with snapshots is its active disk, and lists them', async () => {
    const image = join(temporaryFolder(), 'image.qcow2');
    run('qemu-img', 'convert', '-c', '-O', 'qcow2', disk, image);
    run('qemu-img', 'snapshot', '-c', 'first', image);
    run('qemu-io', '-c', 'write -P 1 0 3M', image);
    run('qemu-img', 'snapshot', '-c', 'second', image);
    run('qemu-io', '-c', 'write -P 2 1M 1M', image);
    await expectSame(image);
    const { facts } = await readerOf(image);
    expect(facts.details['snapshots']).toStrictEqual(['first', 'second']);
    expect(await problemsOf(await readerOf(image))).toStrictEqual([]);
  });

  test('with dirty bitmaps is sound', async () => {
    const image = join(temporaryFolder(), 'image.qcow2');
    run('qemu-img', 'convert', '-O', 'qcow2', disk, image);
    run('qemu-img', 'bitmap', '--add', image, 'nightly');
    run('qemu-io', '-c', 'write -P 1 0 3M', image);
    expect(await problemsOf(await readerOf(image))).toStrictEqual([]);
    const { facts } = await readerOf(image);
    expect(facts.details['bitmaps']).toBe(1);
  });

  test('without data reads as zeros, however large it is', () => {
    const image = join(temporaryFolder(), 'image.qcow2');
    run('qemu-img', 'create', '-f', 'qcow2', image, '200G');
    expect(kexport(['raw', image, '-o', `${image}.ours`]).status).toBe(0);
    run('qemu-img', 'compare', image, `${image}.ours`);
  });

  async function expectSame(image: string): Promise<void> {
    run('qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', image, `${image}.theirs`);
    expect((await diskInFile(image)).equals(readFileSync(`${image}.theirs`))).toBe(true);
  }
});

describe('an image that cannot be read', () => {
  const folder = sharedFolder();

  function expectRefused(image: string, reason: string): void {
    const { status, stderr } = kexport(['raw', image, '-o', join(folder, 'raw')]);
    expect(stderr).toContain(reason);
    expect(stderr.split('\n')).toHaveLength(2);
    expect(status).toBe(1);
  }

  describeWith(['qemu-img'], 'made by qemu-img', () => {
    test('encrypted with LUKS is refused with the reason', () => {
      const image = join(folder, 'encrypted.qcow2');
      run('qemu-img', 'create', '-f', 'qcow2', image, '1M');
      // Not by qemu-img: it measures how fast it derives keys, which fails on a busy machine.
      const bytes = readFileSync(image);
      bytes.writeUInt32BE(2, 32); // crypt_method
      writeFileSync(image, bytes);
      expectRefused(image, 'encrypted (LUKS)');
    });

    test('with an external data file is refused with the reason', () => {
      const image = join(folder, 'refused.qcow2');
      runIn(folder, 'qemu-img', 'create', '-f', 'qcow2', '-o', 'data_file=other.raw', image, '1M');
      expectRefused(image, '--allow-backing');
    });

    test('cut off is refused where its data end', () => {
      const image = join(folder, 'cut.qcow2');
      writeDisk(join(folder, 'disk'), {
        size: 2 ** 22,
        pieces: [{ offset: 0, bytes: noise(2 ** 21) }],
      });
      run('qemu-img', 'convert', '-O', 'qcow2', join(folder, 'disk'), image);
      truncateSync(image, statSync(image).size - 2 ** 20);
      const { status, stderr } = kexport(['raw', image, '-o', join(folder, 'raw')]);
      expect(stderr).toContain('it was cut off');
      expect(status).toBe(1);
    });
  });
});
