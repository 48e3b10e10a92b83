// Increments made by this test: overlays on the image of the snapshot before, and flattened disks.

import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type MadeBlock, makeSendStream, type MadeStream } from '../../bench/make-send-stream.ts';
import { noise, text } from '../support/disks.ts';
import { temporaryFolder } from '../support/folder.ts';
import { kexport, kexportOk } from '../support/kexport.ts';
import { checkQcow2, compareWithRaw, describeWith, run, sha256Of } from '../support/peers.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;

const streamOf = (stream: MadeStream) => Buffer.concat([...makeSendStream(stream)]);

/** A chain of snapshots: the stream of each, and its disk. */
function chainOf(blockSize: number) {
  const block = (place: number, seed: number): MadeBlock => ({
    diskOffset: place * blockSize,
    bytes: (seed % 2 ? noise : text)(blockSize, seed),
  });
  const steps = [
    { blocks: [0, 1, 2, 3, 4, 5, 9, 31].map((place) => block(place, place + 1)), count: 32 },
    { blocks: [block(1, 50), { diskOffset: 2 * blockSize, free: 2 * blockSize }], count: 32 },
    { blocks: [block(0, 60), block(40, 61)], count: 48 },
    {
      blocks: [{ diskOffset: 5 * blockSize, free: Infinity }, block(2, 70)],
      count: 8,
    },
  ];
  let disk = Buffer.alloc(0);
  return steps.map(({ blocks, count }, i) => {
    const volumeSize = count * blockSize;
    const guid = BigInt(100 + i);
    const stream = streamOf({
      blockSize,
      blocks,
      guid,
      fromGuid: i === 0 ? 0n : guid - 1n,
      volumeSize: i === 1 ? undefined : volumeSize,
    });
    const next = Buffer.alloc(volumeSize);
    disk.copy(next);
    for (const { diskOffset, free } of blocks) {
      if (free !== undefined) next.fill(0, diskOffset, Math.min(diskOffset + free, volumeSize));
    }
    for (const { diskOffset, bytes } of blocks) if (bytes) next.set(bytes, diskOffset);
    disk = next;
    return { stream, disk };
  });
}

describeWith(['qemu-img'], 'a chain of increments', () => {
  test.each([512, 4096, 16_384, 65_536, 131_072])(
    'with blocks of %i bytes commits to the disk of the last snapshot',
    (blockSize) => {
      const cwd = temporaryFolder();
      const chain = chainOf(blockSize);
      chain.forEach(({ stream, disk }, i) => {
        writeFileSync(join(cwd, 'stream'), stream);
        const below = i === 0 ? [] : ['--backing-file', `${i - 1}.qcow2`];
        kexportOk(cwd, 'qcow2', 'stream', ...below, '-o', `${i}.qcow2`);
        writeFileSync(join(cwd, `${i}.disk`), disk);
        checkQcow2(join(cwd, `${i}.qcow2`));
        compareWithRaw('qcow2', join(cwd, `${i}.qcow2`), join(cwd, `${i}.disk`));
      });
      const last = chain.length - 1;
      for (let i = last; i > 0; i--) {
        run('qemu-img', 'commit', '-q', '-f', 'qcow2', join(cwd, `${i}.qcow2`));
      }
      // A commit does not shrink the base.
      const base = join(cwd, '0.qcow2');
      run('qemu-img', 'resize', '-q', '--shrink', '-f', 'qcow2', base, String(8 * blockSize));
      compareWithRaw('qcow2', join(cwd, '0.qcow2'), join(cwd, `${last}.disk`));
    },
  );

  test('is flattened one after the other', () => {
    const cwd = temporaryFolder();
    chainOf(16_384).forEach(({ stream, disk }, i) => {
      writeFileSync(join(cwd, 'stream'), stream);
      const below = i === 0 ? [] : ['--flatten', `${i - 1}.raw`];
      kexportOk(cwd, 'raw', 'stream', ...below, '-o', `${i}.raw`);
      expect(readFileSync(join(cwd, `${i}.raw`)).equals(disk)).toBe(true);
    });
  });

  test('that frees a TiB takes next to no space', () => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, 'base.raw'), '');
    truncateSync(join(cwd, 'base.raw'), 1024 * GIB);
    const blocks = [
      { diskOffset: 0, bytes: noise(16_384) },
      { diskOffset: 16_384, free: 1024 * GIB - 32_768 },
      { diskOffset: 1024 * GIB - 16_384, bytes: noise(16_384) },
    ];
    const made = { blockSize: 16_384, blocks, volumeSize: undefined, fromGuid: 1n };
    writeFileSync(join(cwd, 'stream'), streamOf(made));
    kexportOk(cwd, 'qcow2', 'stream', '--backing-file', 'base.raw', '-o', 'inc.qcow2');
    expect(statSync(join(cwd, 'inc.qcow2')).size).toBeLessThan(MIB);
    checkQcow2(join(cwd, 'inc.qcow2'));
    const map = run('qemu-img', 'map', '--output=json', join(cwd, 'inc.qcow2'));
    const pieces = JSON.parse(map) as { start: number; zero: boolean; depth: number }[];
    expect(pieces.filter(({ zero }) => zero).every(({ depth }) => depth === 0)).toBe(true);
  });

  test.each([512, 16_384])(
    'may free what lies past its new end, in blocks of %i bytes',
    (blockSize) => {
      const cwd = temporaryFolder();
      const base = Buffer.alloc(MIB, 1);
      writeFileSync(join(cwd, 'base.raw'), base);
      const blocks = [
        { diskOffset: 0, bytes: noise(blockSize) },
        { diskOffset: 5 * blockSize, free: 2 * blockSize },
        { diskOffset: MIB / 2, free: MIB / 8 },
        { diskOffset: MIB - 2 * blockSize, free: blockSize },
      ];
      const made = { blockSize, blocks, volumeSize: MIB / 4, fromGuid: 1n };
      writeFileSync(join(cwd, 'stream'), streamOf(made));
      kexportOk(cwd, 'qcow2', 'stream', '--backing-file', 'base.raw', '-o', 'inc.qcow2');
      checkQcow2(join(cwd, 'inc.qcow2'));
      noise(blockSize).copy(base);
      base.fill(0, 5 * blockSize, 7 * blockSize);
      writeFileSync(join(cwd, 'expected'), base.subarray(0, MIB / 4));
      compareWithRaw('qcow2', join(cwd, 'inc.qcow2'), join(cwd, 'expected'));
      kexportOk(cwd, 'verify', 'inc.qcow2', '--allow-backing', '--against', 'expected');
    },
  );

  test('is read from a gzip file by its name', () => {
    const cwd = temporaryFolder();
    const blocks = [{ diskOffset: 0, bytes: text(16_384) }];
    const made = { blockSize: 16_384, blocks, volumeSize: undefined, fromGuid: 1n };
    writeFileSync(join(cwd, 'inc.zfs.gz'), gzipSync(streamOf(made)));
    writeFileSync(join(cwd, 'base.raw'), noise(MIB));
    kexportOk(cwd, 'qcow2', 'inc.zfs.gz', '--backing-file', 'base.raw', '-o', 'inc.qcow2');
    kexportOk(cwd, 'raw', 'inc.zfs.gz', '--flatten', 'base.raw', '-o', 'flat.raw');
    compareWithRaw('qcow2', join(cwd, 'inc.qcow2'), join(cwd, 'flat.raw'));
    const expected = Buffer.concat([text(16_384), noise(MIB).subarray(16_384)]);
    expect(readFileSync(join(cwd, 'flat.raw')).equals(expected)).toBe(true);
  });

  describe('that makes the disk smaller', () => {
    const base = noise(4 * MIB);
    const smaller = (blocks: MadeBlock[], cwd: string): void => {
      const made = { blockSize: 16_384, blocks, volumeSize: MIB, fromGuid: 1n };
      writeFileSync(join(cwd, 'stream'), streamOf(made));
      writeFileSync(join(cwd, 'base.raw'), base);
    };
    const isFirstMiB = (cwd: string, image: string, edit = Buffer.alloc(0)): void => {
      const expected = Buffer.from(base.subarray(0, MIB));
      edit.copy(expected, 16_384);
      expect(readFileSync(join(cwd, image)).equals(expected)).toBe(true);
    };

    test('leaves nothing past the new end, though the stream does not free it', () => {
      const cwd = temporaryFolder();
      for (const edit of [Buffer.alloc(0), text(16_384)]) {
        smaller(edit.length === 0 ? [] : [{ diskOffset: 16_384, bytes: edit }], cwd);
        kexportOk(
          cwd,
          'raw,qcow2,vmdk',
          'stream',
          '--flatten',
          'base.raw',
          '--name',
          'flat',
          '--force',
        );
        isFirstMiB(cwd, 'flat.raw', edit);
        for (const image of ['flat.qcow2', 'flat.vmdk']) {
          kexportOk(cwd, 'verify', image, '--against', 'flat.raw');
        }
        kexportOk(
          cwd,
          'qcow2',
          'stream',
          '--backing-file',
          'base.raw',
          '-o',
          'inc.qcow2',
          '--force',
        );
        checkQcow2(join(cwd, 'inc.qcow2'));
        compareWithRaw('qcow2', join(cwd, 'inc.qcow2'), join(cwd, 'flat.raw'));
      }
    });

    test('is flattened with --size if it frees something past its new end', () => {
      const cwd = temporaryFolder();
      smaller([{ diskOffset: 2 * MIB, free: MIB }], cwd);
      const args = ['raw', 'stream', '--flatten', 'base.raw', '-o', 'flat.raw'];
      const refused = kexport(args, { cwd });
      expect(refused.stderr).toMatch(
        /data up to byte 2097152 of a disk of 1048576 bytes.*--size 1048576/,
      );
      expect(refused.status).toBe(1);
      kexportOk(cwd, ...args, '--size', String(MIB));
      isFirstMiB(cwd, 'flat.raw');
    });
  });

  test('has the same bytes for any number of threads', () => {
    const cwd = temporaryFolder();
    const blocks = Array.from({ length: 100 }, (_, i): MadeBlock => {
      const diskOffset = 3 * i * 8192;
      return i % 3 ? { diskOffset, bytes: text(8192, i) } : { diskOffset, free: 8192 };
    });
    writeFileSync(join(cwd, 'base.raw'), Buffer.alloc(4 * MIB));
    const made = { blockSize: 8192, blocks, volumeSize: undefined, fromGuid: 1n };
    writeFileSync(join(cwd, 'stream'), streamOf(made));
    const sums = ['1', '2', '5'].map((threads) => {
      const options = [
        '--backing-file',
        'base.raw',
        '--threads',
        threads,
        '-o',
        `${threads}.qcow2`,
      ];
      kexportOk(cwd, 'qcow2', 'stream', ...options);
      return sha256Of(join(cwd, `${threads}.qcow2`));
    });
    expect(new Set(sums).size).toBe(1);
    checkQcow2(join(cwd, '5.qcow2'));
  });

  test('is read back where parts of the disk share a table of zeros', () => {
    const cwd = temporaryFolder();
    const size = 128 * MIB;
    const base = Buffer.alloc(size, 1);
    writeFileSync(join(cwd, 'base.raw'), base);
    // Clusters of 16 KiB, so that a table has 32 MiB: two tables are zeros alone.
    const blocks = [{ diskOffset: 24 * MIB, free: 96 * MIB }];
    const made = { blockSize: 16_384, blocks, volumeSize: undefined, fromGuid: 1n };
    writeFileSync(join(cwd, 'stream'), streamOf(made));
    kexportOk(cwd, 'qcow2', 'stream', '--backing-file', 'base.raw', '-o', 'inc.qcow2');
    kexportOk(cwd, 'verify', 'inc.qcow2', '--allow-backing');
    kexportOk(cwd, 'raw', 'inc.qcow2', '--allow-backing', '-o', 'back.raw');
    base.fill(0, 24 * MIB, 120 * MIB);
    expect(readFileSync(join(cwd, 'back.raw')).equals(base)).toBe(true);
  });
});
