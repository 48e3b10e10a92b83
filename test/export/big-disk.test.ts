// Disks as large as the formats hold, with data in the first and last block and on both sides of
// the borders of tables. QEMU reads back every block of data and its neighbours; our own readers
// find nothing else in the images.

import { join } from 'node:path';
import {
  encode,
  fileSink,
  type Format,
  type FormatName,
  openSource,
  qcow2,
  type Source,
  vdi,
  vhdDynamic,
  vhdx,
  vmdk,
} from 'kexport';
import { beforeAll, expect, test } from 'vitest';
import { sharedFolder, temporaryFolder } from '../support/folder.ts';
import { checkQcow2, describeWith, run } from '../support/peers.ts';
import { extentsOf } from '../support/read-source.ts';

const BLOCK = 65_536;
const MIB = 2 ** 20;
const GIB = 2 ** 30;
const TIB = 2 ** 40;

interface BigDisk {
  readonly size: number;
  /** Disk offsets of the blocks that hold data, ascending. */
  readonly offsets: readonly number[];
}

/** Data on both sides of each border, and at both ends. */
function bigDisk(size: number, borders: readonly number[]): BigDisk {
  const last = Math.floor((size - 1) / BLOCK) * BLOCK;
  const sides = borders.flatMap((border) => [border - BLOCK, border]);
  return { size, offsets: [...new Set([0, ...sides, last])].sort((a, b) => a - b) };
}

/** What fills the n-th block of data: not zero, and not as in the block before. */
function fillOf(n: number): number {
  return 1 + (n % 255);
}

function sourceOf({ size, offsets }: BigDisk): Source {
  let n = 0;
  return {
    name: 'a big disk',
    size,
    next(buffer) {
      const diskOffset = offsets[n];
      if (diskOffset === undefined) return Promise.resolve(undefined);
      const length = Math.min(BLOCK, size - diskOffset);
      buffer.fill(fillOf(n++), 0, length);
      return Promise.resolve({ diskOffset, length });
    },
    close: () => Promise.resolve(),
  };
}

/** The offset of every block of data in an image, by our reader, and the byte that fills it. */
async function dataIn(path: string, from: FormatName) {
  const source = await openSource(path, { from });
  const found: [offset: number, fill: number][] = [];
  const zeros = Buffer.alloc(BLOCK);
  for await (const { diskOffset, length, bytes } of extentsOf(source)) {
    for (let at = 0; at < length; at += BLOCK) {
      const block = bytes.subarray(at, at + BLOCK);
      if (block.equals(zeros.subarray(0, block.length))) continue;
      const fill = block[0]!; // a block has bytes
      expect(block.equals(Buffer.alloc(block.length, fill))).toBe(true);
      found.push([diskOffset + at, fill]);
    }
  }
  await source.close();
  return found;
}

const SIXTEEN_TIB = bigDisk(16 * TIB + 3 * BLOCK, [
  32 * MIB, // of grain tables
  512 * MIB, // of L2 tables
  GIB,
  2 * TIB, // 2^32 sectors
  4 * TIB,
  8 * TIB - 512 * MIB,
  8 * TIB,
  16 * TIB - 512 * MIB,
  16 * TIB - 32 * MIB,
  16 * TIB,
]);
const THREE_TIB = bigDisk(3 * TIB + MIB, [MIB, 4 * GIB, 130 * GIB, TIB, 2 * TIB]);
const LARGEST_VHD = bigDisk(2040 * GIB, [2 * MIB, 4 * GIB, TIB, 2 * TIB - 16 * GIB]);

describeWith(['qemu-img', 'qemu-io'], 'the largest disks', () => {
  const cases: [Format, BigDisk, string][] = [
    [qcow2(), SIXTEEN_TIB, 'qcow2'],
    [vmdk(), SIXTEEN_TIB, 'vmdk'],
    [vhdDynamic(), LARGEST_VHD, 'vpc'],
    [vhdx(), THREE_TIB, 'vhdx'],
    [vdi(), THREE_TIB, 'vdi'],
  ];
  const folder = sharedFolder();
  const imageOf = ({ name }: Format) => join(folder, name);

  beforeAll(async () => {
    const big = [qcow2(), vmdk()];
    for (const [formats, disk] of [
      [big, SIXTEEN_TIB],
      [[vhdDynamic()], LARGEST_VHD],
      [[vhdx(), vdi()], THREE_TIB],
    ] as const) {
      const targets = formats.map(async (format) => ({
        format,
        sink: await fileSink(imageOf(format)),
      }));
      await encode(sourceOf(disk), await Promise.all(targets));
    }
  });

  test('make a qcow2 in which QEMU finds no error', () => checkQcow2(imageOf(qcow2())));

  test.each(cases)('have each block in its place to QEMU: $name', (format, disk, driver) => {
    const isData = new Set(disk.offsets);
    const reads = disk.offsets.flatMap((offset, n) => {
      const length = Math.min(BLOCK, disk.size - offset);
      const beside = [offset - BLOCK, offset + BLOCK]
        .filter((at) => at >= 0 && at < disk.size && !isData.has(at))
        .map((at) => `read -P 0 ${at} ${BLOCK}`);
      return [`read -P ${fillOf(n)} ${offset} ${length}`, ...beside];
    });
    const commands = reads.flatMap((read) => ['-c', read]);
    const answers = run('qemu-io', '-r', '-f', driver, ...commands, imageOf(format));
    expect(answers).not.toContain('verification failed');
    expect(answers.match(/^read \d+\/\d+ bytes/gm)).toHaveLength(reads.length);
    const args = ['info', '--output=json', '-f', driver, imageOf(format)];
    expect(JSON.parse(run('qemu-img', ...args))).toMatchObject({ 'virtual-size': disk.size });
  });

  test.each(cases)('have nothing else in their image: $name', async (format, disk) => {
    const found = await dataIn(imageOf(format), format.name as FormatName);
    expect(found).toEqual(disk.offsets.map((offset, n) => [offset, fillOf(n)]));
  });
});

test('a disk that a dynamic VHD cannot hold is refused, and nothing is left', async () => {
  const disk = bigDisk(2040 * GIB + 512, []);
  const path = join(temporaryFolder(), 'x.vhd');
  const target = { format: vhdDynamic(), sink: await fileSink(path) };
  await expect(encode(sourceOf(disk), [target])).rejects.toThrow('the format holds at most');
  await expect(openSource(path)).rejects.toThrow('cannot open');
});
