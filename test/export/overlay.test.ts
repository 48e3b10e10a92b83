// Increments: overlays upon the image of the snapshot before, and whole disks of both.

import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type MadeBlock, makeSendStream } from '../../bench/make-send-stream.ts';
import { noise, text } from '../support/disks.ts';
import { temporaryFolder } from '../support/folder.ts';
import { kexport } from '../support/kexport.ts';
import { checkQcow2, compareWithRaw, describeWith, run, testWith } from '../support/peers.ts';
import { type RealStream, STREAMS } from '../support/send-streams.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;

/** Runs the command, which must succeed. */
function make(cwd: string, ...args: string[]): void {
  expect(kexport([...args, '-q'], { cwd })).toMatchObject({ status: 0 });
}

function sha256(path: string): string {
  return run('sha256sum', path).slice(0, 64);
}

const pairs = STREAMS.filter(({ kind }) => kind === 'incremental').flatMap((increment) => {
  const base = STREAMS.find(
    ({ kind, rawSha256 }) => kind === 'full' && rawSha256 === increment.baseRawSha256,
  );
  return base ? [{ name: increment.name, increment, base }] : [];
});

describeWith(['qemu-img'], 'a real increment', () => {
  test.each(pairs)('$name upon its base is its disk', ({ increment, base }) => {
    const cwd = temporaryFolder();
    make(cwd, 'qcow2', base.path, '-o', 'base.qcow2');
    make(cwd, 'qcow2', increment.path, '--backing-file', 'base.qcow2', '-o', 'inc.qcow2');
    checkQcow2(join(cwd, 'inc.qcow2'));
    const image = join(cwd, 'inc.qcow2');
    run('qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', image, join(cwd, 'back.raw'));
    expect(sha256(join(cwd, 'back.raw'))).toBe(increment.rawSha256);
  });

  test.each(pairs)('$name is its disk, flattened', ({ increment, base }) => {
    const cwd = temporaryFolder();
    make(cwd, 'raw', base.path, '-o', 'base.raw');
    make(cwd, 'raw', increment.path, '--flatten', 'base.raw', '-o', 'flat.raw');
    expect(sha256(join(cwd, 'flat.raw'))).toBe(increment.rawSha256);
  });
});

describe('several real increments in one package', () => {
  const [base, increments] = ['chain-full-a', 'chain-I'].map((name) =>
    STREAMS.find((stream) => stream.name === name)!,
  ) as [RealStream, RealStream];
  const [between, last] = increments.members as [
    RealStream['members'][0],
    RealStream['members'][0],
  ];

  testWith(['qemu-img'], 'are one overlay up to the last snapshot, or to another', () => {
    const cwd = temporaryFolder();
    make(cwd, 'qcow2', base.path, '-o', 'base.qcow2');
    for (const [snapshot, sum] of [
      [[], last.rawSha256],
      [['--stream-snapshot', 'b'], between.rawSha256],
    ] as const) {
      const options = ['--backing-file', 'base.qcow2', ...snapshot, '-o', 'inc.qcow2', '--force'];
      make(cwd, 'qcow2', increments.path, ...options);
      checkQcow2(join(cwd, 'inc.qcow2'));
      const image = join(cwd, 'inc.qcow2');
      run('qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', image, join(cwd, 'back.raw'));
      expect(sha256(join(cwd, 'back.raw'))).toBe(sum);
    }
  });

  test('are flattened, also one after the other', () => {
    const cwd = temporaryFolder();
    make(cwd, 'raw', base.path, '-o', 'a.raw');
    make(cwd, 'raw', increments.path, '--flatten', 'a.raw', '-o', 'c.raw');
    expect(sha256(join(cwd, 'c.raw'))).toBe(last.rawSha256);
    make(
      cwd,
      'raw',
      increments.path,
      '--flatten',
      base.path,
      '--stream-snapshot',
      'b',
      '-o',
      'b.raw',
    );
    expect(sha256(join(cwd, 'b.raw'))).toBe(between.rawSha256);
  });

  test.each([
    [
      ['--stream-snapshot', 'a'],
      /chain-I.zfs: the package has no snapshot a of tank\/chain; it has b, c \(.*--stream-snapshot/,
    ],
    [
      ['--stream-volume', 'tank/vm'],
      /chain-I.zfs: the package has no volume tank\/vm; it has tank\/chain \(.*--stream-volume/,
    ],
  ])('without what is asked for are refused: %j', (options, message) => {
    const cwd = temporaryFolder();
    const args = ['raw', increments.path, '--flatten', base.path, ...options, '-o', 'x.raw'];
    const { status, stderr } = kexport(args, { cwd });
    expect(stderr).toMatch(message);
    expect(status).toBe(1);
    expect(readdirSync(cwd)).toEqual([]);
  });

  test('go upon the image of no other snapshot', () => {
    const cwd = temporaryFolder();
    const other = STREAMS.find(({ name }) => name === 'tail-full-a')!;
    make(cwd, 'qcow2', other.path, '-o', 'base.qcow2');
    const args = ['qcow2', increments.path, '--backing-file', 'base.qcow2', '-o', 'inc.qcow2'];
    const { status, stderr } = kexport(args, { cwd });
    expect(stderr).toMatch(/base.qcow2 is the disk of the snapshot of guid/);
    expect(status).toBe(1);
  });
});

/** A chain of snapshots: its streams, and what the disk is at each. */
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
    const stream = Buffer.concat([
      ...makeSendStream({
        blockSize,
        blocks,
        guid,
        fromGuid: i === 0 ? 0n : guid - 1n,
        volumeSize: i === 1 ? undefined : volumeSize,
      }),
    ]);
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
    'with blocks of %i bytes commits to the disk of the last',
    (blockSize) => {
      const cwd = temporaryFolder();
      const chain = chainOf(blockSize);
      chain.forEach(({ stream, disk }, i) => {
        writeFileSync(join(cwd, 'stream'), stream);
        const below = i === 0 ? [] : ['--backing-file', `${i - 1}.qcow2`];
        make(cwd, 'qcow2', 'stream', ...below, '-o', `${i}.qcow2`);
        writeFileSync(join(cwd, `${i}.disk`), disk);
        checkQcow2(join(cwd, `${i}.qcow2`));
        compareWithRaw('qcow2', join(cwd, `${i}.qcow2`), join(cwd, `${i}.disk`));
      });
      const last = chain.length - 1;
      for (let i = last; i > 0; i--) {
        run('qemu-img', 'commit', '-q', '-f', 'qcow2', join(cwd, `${i}.qcow2`));
      }
      // A commit leaves a larger disk below as large as it is.
      run(
        'qemu-img',
        'resize',
        '-q',
        '--shrink',
        '-f',
        'qcow2',
        join(cwd, '0.qcow2'),
        String(8 * blockSize),
      );
      compareWithRaw('qcow2', join(cwd, '0.qcow2'), join(cwd, `${last}.disk`));
    },
  );

  test('flattens one after the other', () => {
    const cwd = temporaryFolder();
    chainOf(16_384).forEach(({ stream, disk }, i) => {
      writeFileSync(join(cwd, 'stream'), stream);
      const below = i === 0 ? [] : ['--flatten', `${i - 1}.raw`];
      make(cwd, 'raw', 'stream', ...below, '-o', `${i}.raw`);
      expect(readFileSync(join(cwd, `${i}.raw`)).equals(disk)).toBe(true);
    });
  });

  test('that frees a TiB takes next to no space', () => {
    const cwd = temporaryFolder();
    truncateSync(join(cwd, writeName(cwd, 'base.raw')), 1024 * GIB);
    const blocks = [
      { diskOffset: 0, bytes: noise(16_384) },
      { diskOffset: 16_384, free: 1024 * GIB - 32_768 },
      { diskOffset: 1024 * GIB - 16_384, bytes: noise(16_384) },
    ];
    const made = { blockSize: 16_384, blocks, volumeSize: undefined, fromGuid: 1n };
    writeFileSync(join(cwd, 'stream'), Buffer.concat([...makeSendStream(made)]));
    make(cwd, 'qcow2', 'stream', '--backing-file', 'base.raw', '-o', 'inc.qcow2');
    expect(statSync(join(cwd, 'inc.qcow2')).size).toBeLessThan(MIB);
    checkQcow2(join(cwd, 'inc.qcow2'));
    const map = run('qemu-img', 'map', '--output=json', join(cwd, 'inc.qcow2'));
    const pieces = JSON.parse(map) as { start: number; zero: boolean; depth: number }[];
    expect(pieces.filter(({ zero }) => zero).every(({ depth }) => depth === 0)).toBe(true);
  });

  test.each([512, 16_384])(
    'may free what lies past an end that the disk has only since, in blocks of %i bytes',
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
      writeFileSync(join(cwd, 'stream'), Buffer.concat([...makeSendStream(made)]));
      make(cwd, 'qcow2', 'stream', '--backing-file', 'base.raw', '-o', 'inc.qcow2');
      checkQcow2(join(cwd, 'inc.qcow2'));
      noise(blockSize).copy(base);
      base.fill(0, 5 * blockSize, 7 * blockSize);
      writeFileSync(join(cwd, 'expected'), base.subarray(0, MIB / 4));
      compareWithRaw('qcow2', join(cwd, 'inc.qcow2'), join(cwd, 'expected'));
      make(cwd, 'verify', 'inc.qcow2', '--allow-backing', '--against', 'expected');
    },
  );

  test('is read from a gzip file by its name', () => {
    const cwd = temporaryFolder();
    const blocks = [{ diskOffset: 0, bytes: text(16_384) }];
    const made = { blockSize: 16_384, blocks, volumeSize: undefined, fromGuid: 1n };
    writeFileSync(join(cwd, 'inc.zfs.gz'), gzipSync(Buffer.concat([...makeSendStream(made)])));
    writeFileSync(join(cwd, 'base.raw'), noise(MIB));
    make(cwd, 'qcow2', 'inc.zfs.gz', '--backing-file', 'base.raw', '-o', 'inc.qcow2');
    make(cwd, 'raw', 'inc.zfs.gz', '--flatten', 'base.raw', '-o', 'flat.raw');
    compareWithRaw('qcow2', join(cwd, 'inc.qcow2'), join(cwd, 'flat.raw'));
    const expected = Buffer.concat([text(16_384), noise(MIB).subarray(16_384)]);
    expect(readFileSync(join(cwd, 'flat.raw')).equals(expected)).toBe(true);
  });

  describe('that makes the disk smaller', () => {
    const base = noise(4 * MIB);
    const smaller = (blocks: MadeBlock[], cwd: string): void => {
      const made = { blockSize: 16_384, blocks, volumeSize: MIB, fromGuid: 1n };
      writeFileSync(join(cwd, 'stream'), Buffer.concat([...makeSendStream(made)]));
      writeFileSync(join(cwd, 'base.raw'), base);
    };
    const isFirstMiB = (cwd: string, image: string, edit = Buffer.alloc(0)): void => {
      const expected = Buffer.from(base.subarray(0, MIB));
      edit.copy(expected, 16_384);
      expect(readFileSync(join(cwd, image)).equals(expected)).toBe(true);
    };

    test('without a word of what is gone leaves nothing of it', () => {
      const cwd = temporaryFolder();
      for (const edit of [Buffer.alloc(0), text(16_384)]) {
        smaller(edit.length === 0 ? [] : [{ diskOffset: 16_384, bytes: edit }], cwd);
        make(cwd, 'raw,qcow2,vmdk', 'stream', '--flatten', 'base.raw', '--name', 'flat', '--force');
        isFirstMiB(cwd, 'flat.raw', edit);
        for (const image of ['flat.qcow2', 'flat.vmdk']) {
          make(cwd, 'verify', image, '--against', 'flat.raw');
        }
        make(cwd, 'qcow2', 'stream', '--backing-file', 'base.raw', '-o', 'inc.qcow2', '--force');
        checkQcow2(join(cwd, 'inc.qcow2'));
        compareWithRaw('qcow2', join(cwd, 'inc.qcow2'), join(cwd, 'flat.raw'));
      }
    });

    test('but frees something past its end is flattened if --size tells the end', () => {
      const cwd = temporaryFolder();
      smaller([{ diskOffset: 2 * MIB, free: MIB }], cwd);
      const args = ['raw', 'stream', '--flatten', 'base.raw', '-o', 'flat.raw'];
      const refused = kexport(args, { cwd });
      expect(refused.stderr).toMatch(
        /data up to byte 2097152 of a disk of 1048576 bytes.*--size 1048576/,
      );
      expect(refused.status).toBe(1);
      make(cwd, ...args, '--size', String(MIB));
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
    writeFileSync(join(cwd, 'stream'), Buffer.concat([...makeSendStream(made)]));
    const sums = ['1', '2', '5'].map((threads) => {
      const options = [
        '--backing-file',
        'base.raw',
        '--threads',
        threads,
        '-o',
        `${threads}.qcow2`,
      ];
      make(cwd, 'qcow2', 'stream', ...options);
      return sha256(join(cwd, `${threads}.qcow2`));
    });
    expect(new Set(sums).size).toBe(1);
    checkQcow2(join(cwd, '5.qcow2'));
  });

  test('is read back, with a table of zeros that many parts of the disk share', () => {
    const cwd = temporaryFolder();
    const size = 256 * MIB;
    const base = Buffer.alloc(size, 1);
    writeFileSync(join(cwd, 'base.raw'), base);
    const blocks = [{ diskOffset: 40 * MIB, free: 200 * MIB }];
    const made = { blockSize: 16_384, blocks, volumeSize: undefined, fromGuid: 1n };
    writeFileSync(join(cwd, 'stream'), Buffer.concat([...makeSendStream(made)]));
    make(cwd, 'qcow2', 'stream', '--backing-file', 'base.raw', '-o', 'inc.qcow2');
    make(cwd, 'verify', 'inc.qcow2', '--allow-backing');
    make(cwd, 'raw', 'inc.qcow2', '--allow-backing', '-o', 'back.raw');
    base.fill(0, 40 * MIB, 240 * MIB);
    expect(readFileSync(join(cwd, 'back.raw')).equals(base)).toBe(true);
  });
});

function writeName(cwd: string, name: string): string {
  writeFileSync(join(cwd, name), '');
  return name;
}
