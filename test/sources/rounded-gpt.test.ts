import { closeSync, openSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { expect, test } from 'vitest';
import { BLOCK_SIZE } from '../../formats/index.ts';
import { describeWith, run } from '../support/peers.ts';
import {
  denseSource,
  isPadded,
  partitionedDisk,
  partitions,
  path,
  problems,
  readAt,
  round,
  roundedPath,
  WAYS,
} from './rounding.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const TIB = 2 ** 40;

const BACKUP_SIZE = 33 * 512; // 128 entries of 128 bytes, and the header
const ONE_PARTITION = ['-a', '1', '-n', '1:40:1000'];
const TO_THE_END = ['-a', '1', '-n', '1:40:1000', '-n', '2:0:0', '-c', '2:last'];

describeWith(['sgdisk'], 'the backup GPT of a disk that grows', () => {
  test.each([
    ['by a sector', 4 * MIB - 512, MIB],
    ['by less than its own size, so that old and new overlap', 4 * MIB - 20 * 512, MIB],
    ['by less than a block', 4 * MIB - 100 * 512, MIB],
    ['by more than a block', 4 * MIB + 77 * 512, MIB],
    ['from the end of a block', 4 * MIB + BLOCK_SIZE, MIB],
    ['of a disk smaller than the head that is read first', 1100 * 512, MIB],
    ['by a GiB', 3 * MIB + 512, GIB],
    ['past two TiB', 2 * TIB - 3 * 512, 16 * MIB],
    ['from beyond two TiB', 3 * TIB + 7 * 512, MIB],
  ])('moves to the new end %s', async (_, size, multiple) => {
    partitionedDisk(size, ...TO_THE_END);
    expect(problems(path)).toContain('No problems found');
    for (const way of WAYS) {
      if (size > GIB && way.open === denseSource) continue; // takes hours
      expect(await round(multiple, way)).toEqual([]);
      expect(statSync(roundedPath).size).toBe(Math.ceil(size / multiple) * multiple);
      expect(problems(roundedPath)).toContain('No problems found');
      expect(partitions(roundedPath)).toEqual(partitions(path));
    }
  });

  test('moves, and otherwise only primary header and protective MBR change', async () => {
    const size = 4 * MIB + 77 * 512;
    partitionedDisk(size, ...TO_THE_END);
    await round(MIB);
    const kept = size - BACKUP_SIZE - 1024;
    expect(readAt(roundedPath, 1024, kept).equals(readAt(path, 1024, kept))).toBe(true);
    expect(readAt(roundedPath, 0, 446).equals(readAt(path, 0, 446))).toBe(true);
    const between = readAt(roundedPath, size - BACKUP_SIZE, 5 * MIB - size);
    expect(between.every((byte) => byte === 0)).toBe(true);
  });

  test('moves, and the room after the last partition grows', async () => {
    partitionedDisk(4 * MIB - 8 * 512, ...ONE_PARTITION);
    await round(MIB);
    expect(run('sgdisk', '-p', roundedPath)).toContain(
      `last usable sector is ${(4 * MIB - BACKUP_SIZE) / 512 - 1}`,
    );
  });

  test('moves with more entries, and with entries elsewhere in the first MiB', async () => {
    partitionedDisk(4 * MIB + 512, '-S', '256', '-a', '1', '-n', '1:100:1000');
    await round(MIB);
    expect(problems(roundedPath)).toContain('No problems found');
    expect(partitions(roundedPath)).toEqual(partitions(path));

    partitionedDisk(4 * MIB + 512, '-j', '500', '-a', '1', '-n', '1:600:1000');
    await round(MIB);
    expect(problems(roundedPath)).toContain('No problems found');
    expect(partitions(roundedPath)).toEqual(partitions(path));
  });

  test('is written at the new end even if it was lost', async () => {
    partitionedDisk(4 * MIB + BLOCK_SIZE - 30 * 512, ...TO_THE_END);
    const { size } = statSync(path);
    truncateSync(path, size - BACKUP_SIZE);
    truncateSync(path, size);
    for (const way of WAYS) {
      await round(BLOCK_SIZE, way);
      expect(problems(roundedPath)).toContain('No problems found');
    }
  });

  test('stays where it is with keepGpt', async () => {
    partitionedDisk(4 * MIB + 512, ...TO_THE_END);
    expect(await round(MIB, WAYS[0], { keepGpt: true })).toEqual([]);
    expect(isPadded()).toBe(true);
  });
});

describeWith(['sgdisk'], 'a GPT is left as it is, with one warning, if', () => {
  const size = 4 * MIB + 512;

  async function expectLeft(problem: string, multiple = MIB): Promise<void> {
    for (const way of WAYS) {
      const growth = Math.ceil(statSync(path).size / multiple) * multiple;
      expect(await round(multiple, way)).toEqual([
        `disk: the disk is rounded up to ${growth} bytes, but its backup GPT is not moved: ${problem}`,
      ]);
      expect(isPadded()).toBe(true);
    }
  }

  function damage(offset: number): void {
    const fd = openSync(path, 'r+');
    writeSync(fd, 'damage', offset);
    closeSync(fd);
  }

  test('its primary header is damaged', async () => {
    partitionedDisk(size, ...ONE_PARTITION);
    damage(512 + 60);
    await expectLeft('its primary header is missing or damaged');
  });

  test('its entries are damaged', async () => {
    partitionedDisk(size, ...ONE_PARTITION);
    damage(1024 + 60);
    await expectLeft('its entries are damaged');
  });

  test('its entries are far from the start', async () => {
    partitionedDisk(size, '-j', '3000', '-a', '1', '-n', '1:5000:6000');
    await expectLeft('its entries are not in the first MiB');
  });

  test('its backup was not at the end', async () => {
    partitionedDisk(size, ...ONE_PARTITION);
    truncateSync(path, size + 512);
    await expectLeft('its backup is not in the last sector');
  });

  test('the disk ends with half a sector', async () => {
    partitionedDisk(size, ...ONE_PARTITION);
    truncateSync(path, size + 100);
    await expectLeft('the disk does not end with a whole sector of 512 bytes');
  });

  test('a partition overlaps the backup', async () => {
    partitionedDisk(size, ...ONE_PARTITION);
    const head = readAt(path, 512, 512);
    head.writeBigUInt64LE(BigInt(size / 512 - 20), 48);
    head.writeUInt32LE(0, 16);
    head.writeUInt32LE(crc32(head.subarray(0, 92)), 16);
    const fd = openSync(path, 'r+');
    writeSync(fd, head, 0, 512, 512);
    closeSync(fd);
    await expectLeft('its backup overlaps what is before it');
  });
});

describeWith(['sgdisk'], 'a GPT in sectors of 4096 bytes', () => {
  const sectorSize = 4096;
  const size = 4 * MIB + 3 * sectorSize;

  /** Spreads out a GPT of sgdisk, which knows no other sectors of a file than of 512 bytes. */
  function spreadOut(): void {
    partitionedDisk(size, ...ONE_PARTITION);
    const sectors = size / sectorSize;
    const disk = Buffer.alloc(size);
    const entries = readAt(path, 1024, 32 * 512);
    const header = readAt(path, 512, 92);
    const mbr = readAt(path, 0, 512);
    mbr.writeUInt32LE(sectors - 1, 446 + 12);
    header.writeBigUInt64LE(BigInt(sectors - 1), 32);
    header.writeBigUInt64LE(BigInt(sectors - 6), 48);
    header.writeUInt32LE(0, 16);
    header.writeUInt32LE(crc32(header), 16);
    mbr.copy(disk);
    header.copy(disk, sectorSize);
    entries.copy(disk, 2 * sectorSize);
    writeFileSync(path, disk);
  }

  test('moves in such sectors', async () => {
    spreadOut();
    expect(await round(MIB)).toEqual([]);
    const last = (5 * MIB) / sectorSize - 1;
    const primary = readAt(roundedPath, sectorSize, 92);
    const backup = readAt(roundedPath, last * sectorSize, 92);
    expect(readAt(roundedPath, 446 + 12, 4).readUInt32LE()).toBe(last);
    expect([1, last, last - 5]).toEqual([24, 32, 48].map((at) => lba(primary, at)));
    expect([last, 1, last - 5, last - 4]).toEqual([24, 32, 48, 72].map((at) => lba(backup, at)));
    for (const header of [primary, backup]) {
      const stated = header.readUInt32LE(16);
      header.writeUInt32LE(0, 16);
      expect(crc32(header)).toBe(stated);
    }
    const entries = readAt(roundedPath, 2 * sectorSize, 4 * sectorSize);
    expect(readAt(roundedPath, (last - 4) * sectorSize, entries.length).equals(entries)).toBe(true);
  });

  test('stays if the new size is not in whole sectors', async () => {
    spreadOut();
    truncateSync(path, size - 512);
    expect(await round(BLOCK_SIZE)).toHaveLength(1);
    expect(isPadded()).toBe(true);
  });

  function lba(header: Buffer, at: number): number {
    return Number(header.readBigUInt64LE(at));
  }
});
