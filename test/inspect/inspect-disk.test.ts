import { closeSync, openSync, readFileSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { crc32 } from '../../src/partitions/crc32.ts';
import type { DiskFacts } from '../../src/inspect/disk-facts.ts';
import { importWarnings } from '../../src/inspect/import-warnings.ts';
import { inspectDisk } from '../../src/inspect/inspect-disk.ts';
import { warningsFor } from '../../src/inspect/warnings-for.ts';
import { gptHeader, partitionRecord } from '../../src/partitions/layout.ts';
import { openSource } from '../../src/open/open-source.ts';
import { temporaryFolder } from '../support/folder.ts';
import { describeAsRoot, describeWith, run } from '../support/peers.ts';

const MIB = 2 ** 20;
const FIXTURE = readFileSync(join(import.meta.dirname, '../../fixtures/disk.raw'));
const ESP_OFFSET = MIB;
const ESP_GUID = 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B';
const LINUX_GUID = '0FC63DAF-8483-4772-8E79-3D69D8477DE4';

/** Four EFI system partitions, three directories in each, 256 clusters and their entries in the FAT; and the tables. */
const MOST_READS = 4 * (1 + 3 * 2 * 256) + 20;

/** Inspects a disk in memory, and holds that every read lies on it and that there are not too many. */
async function inspect(disk: Buffer, mostReads = MOST_READS): Promise<DiskFacts> {
  let reads = 0;
  const read = (diskOffset: number, buffer: Uint8Array) => {
    if (++reads > mostReads) throw new Error(`more than ${mostReads} reads`);
    const end = diskOffset + buffer.length;
    if (!Number.isSafeInteger(diskOffset) || diskOffset < 0 || end > disk.length) {
      throw new Error(`${buffer.length} bytes at ${diskOffset} are not on the disk`);
    }
    return Promise.resolve(disk.copy(buffer, 0, diskOffset));
  };
  return inspectDisk(read, disk.length);
}

async function warnings(disk: Buffer, firmware?: 'efi' | 'bios'): Promise<string[]> {
  return importWarnings(await inspect(disk), { firmware });
}

/** The fixture with something else at a place. */
function fixtureWith(diskOffset: number, bytes: Uint8Array): Buffer {
  const disk = Buffer.from(FIXTURE);
  disk.set(bytes, diskOffset);
  return disk;
}

/** An MBR with one partition over the fixture's GPT, which is then to be ignored. */
function fixtureWithMbr(
  values: Partial<Parameters<typeof partitionRecord.encode>[0]> = {},
): Buffer {
  const chs = new Uint8Array(3);
  const partition = { startingChs: chs, endingChs: chs, startingLba: 2048, sizeInLba: 4096 };
  const sector = Buffer.alloc(512);
  sector.set(
    partitionRecord.encode({ bootIndicator: 0x80, osType: 0xef, ...partition, ...values }),
    446,
  );
  sector.writeUInt16LE(0xaa55, 510);
  return fixtureWith(0, sector);
}

/** The fixture with some values of its GPT header replaced, and the checksum right. */
function fixtureWithHeader(values: Partial<Parameters<typeof gptHeader.encode>[0]>): Buffer {
  const header = { ...gptHeader.decode(FIXTURE.subarray(512)), ...values, headerCrc32: 0 };
  const headerCrc32 = crc32(gptHeader.encode(header));
  return fixtureWith(512, gptHeader.encode({ ...header, headerCrc32 }));
}

test('the fixture has a GPT, boot code and a boot file, so no warning', async () => {
  expect(await inspect(FIXTURE)).toEqual({
    table: {
      kind: 'gpt',
      problem: undefined,
      partitions: [
        {
          index: 1,
          type: ESP_GUID,
          diskOffset: ESP_OFFSET,
          size: 2 * MIB,
          name: 'ESP',
          esp: { fat: 12, bootFiles: ['BOOTX64.EFI'] },
        },
        { index: 2, type: LINUX_GUID, diskOffset: 3 * MIB, size: 4 * MIB, name: 'root' },
      ],
    },
    bootCode: true,
    content: undefined,
  });
  expect(await warnings(FIXTURE, 'efi')).toEqual([]);
  expect(await warnings(FIXTURE, 'bios')).toEqual([]);
});

describe('a source', () => {
  test('with random access is inspected before it is read, and then read from its start', async () => {
    const path = join(temporaryFolder(), 'disk');
    writeFileSync(path, FIXTURE.subarray(ESP_OFFSET, ESP_OFFSET + 2 * MIB));
    const source = await openSource(path);
    const [line] = await warningsFor(source, { firmware: 'efi' });
    expect(line).toMatch(/^the disk has no partition table: it begins with a FAT file system\./);
    const buffer = new Uint8Array(65_536);
    const extent = await source.next(buffer, new AbortController().signal);
    expect(extent).toEqual({ diskOffset: 0, length: 65_536 });
    expect(FIXTURE.subarray(ESP_OFFSET, ESP_OFFSET + 65_536).equals(buffer)).toBe(true);
    await source.close();
  });

  test('gives fewer bytes at the end of the disk, and none past it', async () => {
    const path = join(temporaryFolder(), 'disk');
    writeFileSync(path, FIXTURE);
    const source = await openSource(path);
    const buffer = new Uint8Array(1024);
    expect(await source.read?.(FIXTURE.length - 100, buffer)).toBe(100);
    expect(await source.read?.(FIXTURE.length, buffer)).toBe(0);
    expect(await source.read?.(2 * FIXTURE.length, buffer)).toBe(0);
    await source.close();
  });

  test('without random access, or without a size yet, gets no warning', async () => {
    const next = () => Promise.resolve(undefined);
    const close = () => Promise.resolve();
    const pipe = { name: 'pipe', size: 8 * MIB, next, close };
    expect(await warningsFor(pipe, { firmware: 'efi' })).toEqual([]);
    const read = () => Promise.reject(new Error('read'));
    expect(await warningsFor({ ...pipe, size: undefined, read }, { firmware: 'efi' })).toEqual([]);
  });

  test('that fails to read fails the inspection', async () => {
    const read = () => Promise.reject(new Error('bad sector'));
    await expect(inspectDisk(read, MIB)).rejects.toThrow('bad sector');
  });
});

describe('a disk without a partition table', () => {
  test('has one warning, whatever the firmware', async () => {
    const root = FIXTURE.subarray(3 * MIB, 7 * MIB);
    const line =
      'the disk has no partition table: it begins with an ext2, ext3 or ext4 file system. Importers refuse it ' +
      '(AWS VM Import: "No valid partitions") and firmware finds nothing to boot; ' +
      'if it is a partition, export the whole disk (/dev/sda, not /dev/sda1)';
    for (const firmware of [undefined, 'efi', 'bios'] as const) {
      expect(await warnings(root, firmware)).toEqual([line]);
    }
  });

  test.each([
    ['zeros', Buffer.alloc(MIB)],
    ['a single byte', Buffer.alloc(1)],
    ['all ones', Buffer.alloc(MIB, 0xff)],
  ])('%s: nothing is there', async (_, disk) => {
    const [line, ...more] = await warnings(disk, 'efi');
    expect(line).toMatch(/^the disk has no partition table: neither GPT nor MBR\./);
    expect(more).toEqual([]);
  });
});

describe('a GPT', () => {
  test('whose header is damaged is not sound', async () => {
    const [line] = await warnings(fixtureWith(512 + 60, Buffer.from([1])));
    expect(line).toMatch(/\(GPT\) is not sound: its primary header is missing or damaged\./);
  });

  test('whose entries are damaged is not sound', async () => {
    const [line] = await warnings(fixtureWith(1024 + 56, Buffer.from('?')));
    expect(line).toMatch(/\(GPT\) is not sound: its entries are damaged\./);
  });

  test('without its protective MBR is not sound', async () => {
    const [line] = await warnings(fixtureWith(446, Buffer.alloc(66)));
    expect(line).toMatch(/\(GPT\) is not sound: its protective MBR is missing\./);
  });

  test('on half of its disk is not sound', async () => {
    const [line, ...more] = await warnings(FIXTURE.subarray(0, 4 * MIB), 'efi');
    const reason = /not sound: it is made for 8371712 bytes or more, the disk has 4194304 bytes\./;
    expect(line).toMatch(reason);
    expect(more).toEqual([]);
  });

  test('without an entry is empty', async () => {
    const array = Buffer.alloc(128 * 128);
    const disk = fixtureWithHeader({ entryArrayCrc32: crc32(array) });
    disk.set(array, 1024);
    const [line, ...more] = await warnings(disk, 'efi');
    expect(line).toMatch(/^the partition table \(GPT\) is empty\./);
    expect(more).toEqual([]);
  });
});

describe('an MBR', () => {
  test('counts even where an old GPT is left', async () => {
    const { table } = await inspect(fixtureWithMbr());
    const esp = { fat: 12, bootFiles: ['BOOTX64.EFI'] };
    const partition = { index: 1, type: '0xEF', diskOffset: MIB, size: 2 * MIB, name: '', esp };
    expect(table).toEqual({ kind: 'mbr', problem: undefined, partitions: [partition] });
  });

  test('names an extended partition and leaves it at that', async () => {
    const { table } = await inspect(fixtureWithMbr({ osType: 0x0f }));
    expect(table.partitions).toMatchObject([{ type: '0x0F', name: 'extended' }]);
  });

  test('with a partition past the end of the disk is not sound', async () => {
    const [line] = await warnings(fixtureWithMbr({ sizeInLba: 2 ** 20 }));
    expect(line).toMatch(
      /\(MBR\) is not sound: partition 1 ends past the end of the disk \(8388608 bytes\)\./,
    );
  });

  test('without a partition is empty', async () => {
    const disk = Buffer.alloc(MIB);
    disk.writeUInt16LE(0xaa55, 510);
    expect(await warnings(disk)).toEqual([
      expect.stringMatching(/^the partition table \(MBR\) is empty\./),
    ]);
  });
});

describe('firmware bios', () => {
  test('wants boot code', async () => {
    const disk = fixtureWith(0, Buffer.alloc(440));
    expect(await warnings(disk, 'efi')).toEqual([]);
    expect(await warnings(disk, 'bios')).toEqual([
      'the MBR has no boot code (its 440 bytes are zeros). A BIOS starts nothing else, so the disk does not boot; ' +
        'it has an EFI system partition, so import it with firmware efi',
    ]);
  });
});

describe('whatever is on the disk, it is inspected in a bounded number of reads', () => {
  const anyU64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
  const anyU32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });

  test('cut off anywhere', async () => {
    const length = fc.integer({ min: 1, max: FIXTURE.length });
    await fc.assert(
      fc.asyncProperty(length, async (end) => {
        await warnings(FIXTURE.subarray(0, end), 'efi');
      }),
    );
  });

  test.each([
    ['the partition table of the GPT', FIXTURE, 0, 4096],
    ['the MBR', fixtureWithMbr(), 0, 512],
    ['the EFI system partition', FIXTURE, ESP_OFFSET, 64],
    ['the FATs and directories', FIXTURE, ESP_OFFSET, 65_536],
  ])('with bytes replaced in %s', async (_, original, start, length) => {
    const place = fc.integer({ min: start, max: start + length - 1 });
    const edits = fc.array(fc.tuple(place, fc.integer({ min: 0, max: 255 })), { maxLength: 16 });
    await fc.assert(
      fc.asyncProperty(edits, async (replaced) => {
        const disk = Buffer.from(original);
        for (const [at, byte] of replaced) disk[at] = byte;
        await warnings(disk, 'efi');
      }),
    );
  });

  test('with any number in a GPT header whose checksum is right', async () => {
    const values = fc.record({
      lastUsableLba: anyU64,
      partitionEntryLba: fc.oneof(anyU64, fc.bigInt({ min: 0n, max: 99n })),
      entryCount: anyU32,
      entrySize: fc.oneof(anyU32, fc.integer({ min: 100, max: 1100 })),
    });
    await fc.assert(
      fc.asyncProperty(values, async (header) => {
        await warnings(fixtureWithHeader(header), 'efi');
      }),
    );
  });

  test('with a directory that never ends', async () => {
    const disk = Buffer.from(FIXTURE);
    const esp = disk.subarray(ESP_OFFSET, ESP_OFFSET + 2 * MIB);
    const fatOffset = 512 * esp.readUInt16LE(14);
    // Each entry of the FAT leads to cluster 0x222, and each entry of every directory but the root is deleted.
    esp.fill(Buffer.from([0x22, 0x22, 0x22]), fatOffset, fatOffset + 3 * 512);
    const clusters = esp.indexOf('.          ');
    esp.fill(0xe5, clusters);
    expect((await inspect(disk, 600)).table.partitions[0]?.esp).toEqual({ fat: 12, bootFiles: [] });
  });
});

interface EspOptions {
  /** For mkfs.vfat. */
  readonly format: readonly string[];
  /** What is put into \EFI\BOOT, in this order. */
  readonly files: readonly string[];
  /** In MiB. */
  readonly size: number;
}

/** Makes an EFI system partition; returns the path. */
function makeEsp(folder: string, { format, files, size }: EspOptions): string {
  const path = join(folder, 'esp');
  const content = join(folder, 'loader');
  run('mkfs.vfat', ...format, '-C', path, String(size * 1024));
  writeFileSync(content, 'MZ');
  run('mmd', '-i', path, '::EFI', '::EFI/BOOT');
  for (const name of files) run('mcopy', '-i', path, content, `::EFI/BOOT/${name}`);
  return path;
}

/** A disk that sgdisk partitions: the EFI system partition from 1 MiB on, and 1 MiB behind it. */
function makeDisk(options: EspOptions, ...sgdisk: string[]): Buffer {
  const folder = temporaryFolder();
  const path = join(folder, 'disk');
  writeFileSync(path, '');
  truncateSync(path, (options.size + 4) * MIB);
  const esp = ['-n', `1:1M:+${options.size}M`, '-t', '1:ef00', '-c', '1:boot'];
  run('sgdisk', ...esp, '-n', '2:0:+1M', ...sgdisk, path);
  const fd = openSync(path, 'r+');
  const bytes = readFileSync(makeEsp(folder, options));
  writeSync(fd, bytes, 0, bytes.length, ESP_OFFSET);
  closeSync(fd);
  return readFileSync(path);
}

const FAT12 = { format: ['-F', '12'], files: ['BOOTX64.EFI'], size: 2 };
const MANY_LONG_NAMES = Array.from({ length: 60 }, (_, i) => `a name longer than 8.3 (${i}).efi`);

describeWith(['sgdisk', 'mkfs.vfat', 'mmd', 'mcopy'], 'an EFI system partition', () => {
  test.each([
    { bits: 12, format: ['-F', '12'], size: 2 },
    { bits: 16, format: ['-F', '16'], size: 16 },
    { bits: 32, format: ['-F', '32', '-s', '1'], size: 40 },
    { bits: 16, format: ['-F', '16', '-S', '4096', '-s', '1'], size: 24 },
  ])('in FAT$bits of mkfs.vfat $format', async ({ bits, format, size }) => {
    const files = [...MANY_LONG_NAMES, 'bootx64.efi', 'BOOTAA64.EFI'];
    const { table } = await inspect(makeDisk({ format, files, size }));
    expect(table).toMatchObject({ kind: 'gpt', problem: undefined });
    expect(table.partitions[0]).toEqual({
      index: 1,
      type: ESP_GUID,
      diskOffset: ESP_OFFSET,
      size: size * MIB,
      name: 'boot',
      esp: { fat: bits, bootFiles: ['BOOTAA64.EFI', 'BOOTX64.EFI'] },
    });
  });

  test('is FAT32 by its fields, even if it has fewer clusters than FAT32 should have', async () => {
    const path = join(temporaryFolder(), 'esp');
    run('mkfs.vfat', '-F', '32', '-s', '8', '-C', path, '2048'); // mtools does not open such a one
    const { table } = await inspect(fixtureWith(ESP_OFFSET, readFileSync(path)));
    expect(table.partitions[0]?.esp).toEqual({ fat: 32, bootFiles: [] });
  });

  test('with boot files of architectures whose names are long', async () => {
    const files = ['BOOTRISCV64.EFI', 'BOOTLOONGARCH64.EFI'];
    const disk = makeDisk({ ...FAT12, files });
    expect(await warnings(disk, 'efi')).toEqual([]);
    const { table } = await inspect(disk);
    expect(table.partitions[0]?.esp?.bootFiles).toEqual(files.reverse());
  });

  test('without a boot file has a warning that names the remedy', async () => {
    expect(await warnings(makeDisk({ ...FAT12, files: ['grubx64.efi'] }), 'efi')).toEqual([
      'the EFI system partition (partition 1) has no \\EFI\\BOOT\\BOOTX64.EFI. ' +
        'A new virtual machine starts no other: what efibootmgr lists is not on the disk; ' +
        'run grub-install --removable or bootctl install in the guest before the export',
    ]);
  });

  test('with the 32-bit boot file alone has that warning too', async () => {
    const [line] = await warnings(makeDisk({ ...FAT12, files: ['BOOTIA32.EFI'] }), 'efi');
    expect(line).toMatch(
      /has no \\EFI\\BOOT\\BOOTX64\.EFI, only BOOTIA32\.EFI for 32-bit firmware\./,
    );
  });

  test('that is not FAT has a warning', async () => {
    const disk = makeDisk(FAT12).fill(0, ESP_OFFSET, ESP_OFFSET + 512);
    const [line] = await warnings(disk, 'efi');
    expect(line).toMatch(/^the EFI system partition \(partition 1\) is not a FAT file system\./);
  });

  test('that is missing has a warning with firmware efi', async () => {
    const disk = makeDisk(FAT12, '-t', '1:8300');
    const [line] = await warnings(disk, 'efi');
    expect(line).toMatch(/^the disk has no EFI system partition \(type C12A7328-/);
    expect(line).toMatch(/make one and install a boot loader into it/);
    expect(await warnings(disk)).toEqual([]);
    disk[0] = 0xeb;
    expect(await warnings(disk, 'efi')).toEqual([
      expect.stringMatching(/import it with firmware bios$/),
    ]);
  });

  test('can be in an MBR', async () => {
    const { table } = await inspect(makeDisk(FAT12, '-m', '1:2'));
    const esp = { fat: 12, bootFiles: ['BOOTX64.EFI'] };
    expect(table.partitions).toMatchObject([{ type: '0xEF', esp }, { type: '0x83' }]);
  });
});

describeWith(['sgdisk', 'mkfs.vfat', 'mmd', 'mcopy'], 'a GPT of sgdisk', () => {
  test('with a BIOS boot partition and no boot code has a warning with firmware bios', async () => {
    const [line] = await warnings(makeDisk(FAT12, '-t', '2:ef02'), 'bios');
    expect(line).toMatch(/has a BIOS boot partition, so run grub-install --target=i386-pc/);
  });

  test('may have more entries than the usual 128', async () => {
    const { table } = await inspect(makeDisk(FAT12, '-S', '512'));
    expect(table).toMatchObject({ kind: 'gpt', problem: undefined });
    expect(table.partitions).toHaveLength(2);
  });
});

describeAsRoot('a GPT in sectors of 4096 bytes', () => {
  test('is read like one of 512', async () => {
    const path = join(temporaryFolder(), 'disk');
    writeFileSync(path, '');
    truncateSync(path, 16 * MIB);
    const device = run('losetup', '--find', '--show', '--sector-size', '4096', path).trim();
    try {
      run('sgdisk', '-n', '1:1M:+2M', '-t', '1:ef00', device);
    } finally {
      run('losetup', '--detach', device);
    }
    const disk = readFileSync(path);
    disk.set(FIXTURE.subarray(ESP_OFFSET, ESP_OFFSET + 2 * MIB), MIB);
    const { table } = await inspect(disk);
    const esp = { fat: 12, bootFiles: ['BOOTX64.EFI'] };
    expect(table).toMatchObject({ kind: 'gpt', problem: undefined });
    expect(table.partitions).toMatchObject([{ diskOffset: MIB, size: 2 * MIB, esp }]);
  });
});
