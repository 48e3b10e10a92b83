import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BLOCK_SIZE } from '../../formats/index.ts';
import { type RoundingOptions, roundedSource } from '../../src/sources/rounded.ts';
import type { Source } from '../../src/sources/source.ts';
import { has, run } from '../vhd-peers.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const TIB = 2 ** 40;

let folder: string;
let path: string;
let roundedPath: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kexport-rounded-'));
  path = join(folder, 'disk.raw');
  roundedPath = join(folder, 'rounded.raw');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A disk in a file. It leaves out blocks of zeros, and all between the first and the last 2 MiB of a large one. */
function sparseSource(file: string): Source {
  const { size } = statSync(file);
  const fd = openSync(file, 'r');
  let diskOffset = 0;
  return {
    name: 'disk',
    size,
    next(buffer) {
      while (diskOffset < size) {
        if (size > GIB && diskOffset === 2 * MIB) {
          diskOffset = Math.floor((size - 2 * MIB) / BLOCK_SIZE) * BLOCK_SIZE;
        }
        const length = readSync(fd, buffer, 0, BLOCK_SIZE, diskOffset);
        const extent = { diskOffset, length };
        diskOffset += length;
        if (buffer.subarray(0, length).some((byte) => byte !== 0)) return Promise.resolve(extent);
      }
      return Promise.resolve(undefined);
    },
    close() {
      closeSync(fd);
      return Promise.resolve();
    },
  };
}

/** The same disk, as much of it at a time as the buffer takes. */
function denseSource(file: string): Source {
  const { size } = statSync(file);
  const fd = openSync(file, 'r');
  let diskOffset = 0;
  return {
    name: 'disk',
    size,
    next(buffer) {
      const length = readSync(fd, buffer, 0, buffer.length, diskOffset);
      const extent = { diskOffset, length };
      diskOffset += length;
      return Promise.resolve(length > 0 ? extent : undefined);
    },
    close() {
      closeSync(fd);
      return Promise.resolve();
    },
  };
}

/** Writes what a source gives into `roundedPath` and holds it to the contract of sources. */
async function drain(source: Source, bufferSize: number): Promise<void> {
  const fd = openSync(roundedPath, 'w');
  const { signal } = new AbortController();
  const buffer = Buffer.alloc(bufferSize);
  const { size } = source;
  let end = 0;
  for (;;) {
    buffer.fill(0xaa);
    const extent = await source.next(buffer, signal);
    if (!extent) break;
    const { diskOffset, length } = extent;
    expect(diskOffset % BLOCK_SIZE).toBe(0);
    expect(diskOffset).toBeGreaterThanOrEqual(end);
    end = diskOffset + length;
    if (end !== size) expect(length % BLOCK_SIZE).toBe(0);
    expect(length).toBeGreaterThan(0);
    expect(end).toBeLessThanOrEqual(size!);
    writeSync(fd, buffer, 0, length, diskOffset);
  }
  await source.close();
  ftruncateSync(fd, size);
  closeSync(fd);
}

const WAYS = [
  { way: 'read as it is', open: denseSource, bufferSize: MIB },
  { way: 'read in single blocks', open: denseSource, bufferSize: BLOCK_SIZE },
  { way: 'read without its zeros', open: sparseSource, bufferSize: MIB },
];

async function round(
  multiple: number,
  { open, bufferSize } = WAYS[0]!,
  options: RoundingOptions = {},
): Promise<string[]> {
  const warnings: string[] = [];
  const onWarning = (message: string) => void warnings.push(message);
  await drain(roundedSource(open(path), multiple, { onWarning, ...options }), bufferSize);
  return warnings;
}

/** A disk of that size with a sector of data at each end of each block, and no GPT. */
function plainDisk(size: number): void {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; at += BLOCK_SIZE / 2) bytes.fill((at / 512) | 1, at, at + 512);
  writeFileSync(path, bytes);
}

/** Whether `rounded` is the disk and zeros behind it. */
function isPadded(): boolean {
  const old = readFileSync(path);
  const bytes = readFileSync(roundedPath);
  const zeros = Buffer.alloc(bytes.length - old.length);
  return bytes.equals(Buffer.concat([old, zeros]));
}

test('a disk that has the size already is left to its source', () => {
  plainDisk(2 * MIB);
  const source = denseSource(path);
  expect(roundedSource(source, MIB)).toBe(source);
  expect(roundedSource(source, 512)).toBe(source);
});

test('a source that does not know its size is left alone', () => {
  const source = { ...denseSource(path), size: undefined };
  expect(roundedSource(source, MIB)).toBe(source);
});

describe.each(WAYS)('a disk without a GPT, $way', (way) => {
  test.each([512, 1000, BLOCK_SIZE, 3 * MIB + 512, 3 * MIB + BLOCK_SIZE])(
    '%i bytes get zeros at the end',
    async (size) => {
      plainDisk(size);
      expect(await round(MIB, way)).toEqual([]);
      expect(statSync(roundedPath).size).toBe(Math.ceil(size / MIB) * MIB);
      expect(isPadded()).toBe(true);
    },
  );
});

/** Makes a disk of that size with what sgdisk is told to put on it, and some data in its middle. */
function partitionedDisk(size: number, ...args: string[]): void {
  writeFileSync(path, '');
  truncateSync(path, size);
  run('sgdisk', ...args, path);
  const fd = openSync(path, 'r+');
  writeSync(fd, Buffer.alloc(100_000, 'data'), 0, 100_000, 700 * 512);
  closeSync(fd);
}

/** What sgdisk finds wrong with a disk; it says so whether its exit status is 0 or not. */
function problems(file: string): string {
  return run('sgdisk', '-v', file);
}

/** The partitions as sgdisk lists them, and the GUID of the disk. */
function partitions(file: string): string[] {
  const lines = run('sgdisk', '-p', file).split('\n');
  return lines.filter((line) => /^ +\d|GUID/.test(line));
}

function readAt(file: string, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  const fd = openSync(file, 'r');
  readSync(fd, bytes, 0, length, offset);
  closeSync(fd);
  return bytes;
}

const BACKUP_SIZE = 33 * 512; // 128 entries of 128 bytes, and the header
const ONE_PARTITION = ['-a', '1', '-n', '1:40:1000'];
const TO_THE_END = ['-a', '1', '-n', '1:40:1000', '-n', '2:0:0', '-c', '2:last'];

describe.skipIf(!has('sgdisk'))('the backup GPT moves to the new end', () => {
  test.each([
    ['by a sector', 4 * MIB - 512, MIB],
    ['by less than a backup, which then overlaps the old one', 4 * MIB - 20 * 512, MIB],
    ['by less than a block', 4 * MIB - 100 * 512, MIB],
    ['by more than a block', 4 * MIB + 77 * 512, MIB],
    ['from an end of a block', 4 * MIB + BLOCK_SIZE, MIB],
    ['from less than the head that is read first', 1100 * 512, MIB],
    ['by a GiB', 3 * MIB + 512, GIB],
    ['past two TiB', 2 * TIB - 3 * 512, 16 * MIB],
    ['from beyond two TiB', 3 * TIB + 7 * 512, MIB],
  ])('%s', async (_, size, multiple) => {
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

  test('and nothing else changes but the primary header and the size in the protective MBR', async () => {
    const size = 4 * MIB + 77 * 512;
    partitionedDisk(size, ...TO_THE_END);
    await round(MIB);
    const kept = size - BACKUP_SIZE - 1024;
    expect(readAt(roundedPath, 1024, kept).equals(readAt(path, 1024, kept))).toBe(true);
    expect(readAt(roundedPath, 0, 446).equals(readAt(path, 0, 446))).toBe(true);
    const between = readAt(roundedPath, size - BACKUP_SIZE, 5 * MIB - size);
    expect(between.every((byte) => byte === 0)).toBe(true);
  });

  test('and the room behind the last partition grows', async () => {
    partitionedDisk(4 * MIB - 8 * 512, ...ONE_PARTITION);
    await round(MIB);
    expect(run('sgdisk', '-p', roundedPath)).toContain(
      `last usable sector is ${(4 * MIB - BACKUP_SIZE) / 512 - 1}`,
    );
  });

  test('with the entries in another place of the first MiB, or more of them', async () => {
    partitionedDisk(4 * MIB + 512, '-S', '256', '-a', '1', '-n', '1:100:1000');
    await round(MIB);
    expect(problems(roundedPath)).toContain('No problems found');
    expect(partitions(roundedPath)).toEqual(partitions(path));

    partitionedDisk(4 * MIB + 512, '-j', '500', '-a', '1', '-n', '1:600:1000');
    await round(MIB);
    expect(problems(roundedPath)).toContain('No problems found');
    expect(partitions(roundedPath)).toEqual(partitions(path));
  });

  test('even if the old one was lost', async () => {
    partitionedDisk(4 * MIB + BLOCK_SIZE - 30 * 512, ...TO_THE_END);
    const { size } = statSync(path);
    truncateSync(path, size - BACKUP_SIZE);
    truncateSync(path, size);
    for (const way of WAYS) {
      await round(BLOCK_SIZE, way);
      expect(problems(roundedPath)).toContain('No problems found');
    }
  });

  test('unless the GPT is to be kept', async () => {
    partitionedDisk(4 * MIB + 512, ...TO_THE_END);
    expect(await round(MIB, WAYS[0], { keepGpt: true })).toEqual([]);
    expect(isPadded()).toBe(true);
  });
});

describe.skipIf(!has('sgdisk'))('a GPT is left alone, with one warning, if', () => {
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

  test('its backup was not at the end already', async () => {
    partitionedDisk(size, ...ONE_PARTITION);
    truncateSync(path, size + 512);
    await expectLeft('its backup is not in the last sector');
  });

  test('the disk ends with half a sector', async () => {
    partitionedDisk(size, ...ONE_PARTITION);
    truncateSync(path, size + 100);
    await expectLeft('the disk does not end with a whole sector of 512 bytes');
  });

  test('a partition reaches into the backup', async () => {
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

describe.skipIf(!has('sgdisk'))('a GPT of sectors of 4096 bytes', () => {
  const sectorSize = 4096;
  const size = 4 * MIB + 3 * sectorSize;

  /** sgdisk takes a file's sectors for 512 bytes, so its disk is spread out. */
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

  test('moves by such sectors', async () => {
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

  test('stays if the disk does not get whole ones', async () => {
    spreadOut();
    truncateSync(path, size - 512);
    expect(await round(BLOCK_SIZE)).toHaveLength(1);
    expect(isPadded()).toBe(true);
  });

  function lba(header: Buffer, at: number): number {
    return Number(header.readBigUInt64LE(at));
  }
});
