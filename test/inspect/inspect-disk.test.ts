import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { inspectDisk } from '../../src/inspect/inspect-disk.ts';
import { inspectSource } from '../../src/inspect/inspect-source.ts';
import { warningsFor } from '../../src/inspect/warnings-for.ts';
import { openSource } from '../../src/open/open-source.ts';
import { crc32 } from '../../src/runtime/crc32.ts';
import { gptHeader, partitionRecord } from '../../src/partitions/layout.ts';
import { withPartition } from '../support/disks.ts';
import { temporaryFolder } from '../support/folder.ts';
import { ESP_GUID, ESP_OFFSET, FIXTURE, fixtureWith, inspect, warnings } from './inspecting.ts';

const MIB = 2 ** 20;
const LINUX_GUID = '0FC63DAF-8483-4772-8E79-3D69D8477DE4';

/** The disk that boots with an MBR of one partition, over which its GPT does not count. */
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

/** The disk that boots with other values in its GPT header, and the right checksum. */
function fixtureWithHeader(values: Partial<Parameters<typeof gptHeader.encode>[0]>): Buffer {
  const header = { ...gptHeader.decode(FIXTURE.subarray(512)), ...values, headerCrc32: 0 };
  const headerCrc32 = crc32(gptHeader.encode(header));
  return fixtureWith(512, gptHeader.encode({ ...header, headerCrc32 }));
}

test('a disk with a GPT, boot code and a boot file has no warning', async () => {
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
  test('with random access is inspected first, and then read from its start', async () => {
    const path = join(temporaryFolder(), 'disk');
    writeFileSync(path, FIXTURE.subarray(ESP_OFFSET, ESP_OFFSET + 2 * MIB));
    const source = await openSource(path);
    const [warning] = warningsFor(await inspectSource(source), { firmware: 'efi' });
    expect(warning?.message).toMatch(
      /^the disk has no partition table: it begins with a FAT12 file system\./,
    );
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
    expect(warningsFor(await inspectSource(pipe), { firmware: 'efi' })).toEqual([]);
    const read = () => Promise.reject(new Error('read'));
    const unsized = { ...pipe, size: undefined, read };
    expect(warningsFor(await inspectSource(unsized), { firmware: 'efi' })).toEqual([]);
  });

  test('that cannot be read fails the inspection', async () => {
    const read = () => Promise.reject(new Error('bad sector'));
    await expect(inspectDisk(read, MIB)).rejects.toThrow('bad sector');
  });
});

describe('a disk without a partition table', () => {
  test('has one warning, whatever the firmware', async () => {
    const root = FIXTURE.subarray(3 * MIB, 7 * MIB);
    const line =
      'the disk has no partition table: it begins with an ext4 file system. Importers refuse it ' +
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
  ])('has one warning if it is %s', async (_, disk) => {
    const [line, ...more] = await warnings(disk, 'efi');
    expect(line).toMatch(/^the disk has no partition table: neither GPT nor MBR\./);
    expect(more).toEqual([]);
  });
});

describe('a GPT', () => {
  test('whose header is damaged is not valid', async () => {
    const [line] = await warnings(fixtureWith(512 + 60, Buffer.from([1])));
    expect(line).toMatch(/\(GPT\) is not valid: its primary header is missing or damaged\./);
  });

  test('whose entries are damaged is not valid', async () => {
    const [line] = await warnings(fixtureWith(1024 + 56, Buffer.from('?')));
    expect(line).toMatch(/\(GPT\) is not valid: its entries are damaged\./);
  });

  test('without its protective MBR is not valid', async () => {
    const [line] = await warnings(fixtureWith(446, Buffer.alloc(66)));
    expect(line).toMatch(/\(GPT\) is not valid: its protective MBR is missing\./);
  });

  test('on half of its disk is not valid', async () => {
    const [line, ...more] = await warnings(FIXTURE.subarray(0, 4 * MIB), 'efi');
    const reason = /not valid: it is made for 8371712 bytes or more, the disk has 4194304 bytes\./;
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

  test('lists an extended partition, but not what is in it', async () => {
    const { table } = await inspect(fixtureWithMbr({ osType: 0x0f }));
    expect(table.partitions).toMatchObject([{ type: '0x0F', name: 'extended' }]);
  });

  test('with a partition past the end of the disk is not valid', async () => {
    const [line] = await warnings(fixtureWithMbr({ sizeInLba: 2 ** 20 }));
    expect(line).toMatch(
      /\(MBR\) is not valid: partition 1 ends past the end of the disk \(8388608 bytes\)\./,
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

describe('a disk for firmware bios', () => {
  test('has a warning without boot code', async () => {
    const disk = fixtureWith(0, Buffer.alloc(440));
    expect(await warnings(disk, 'efi')).toEqual([]);
    expect(await warnings(disk, 'bios')).toEqual([
      'the MBR has no boot code (its 440 bytes are zeros). A BIOS starts nothing else, so the disk does not boot; ' +
        'it has an EFI system partition, so import it with firmware efi',
    ]);
  });

  test('has a warning that says what to do, without anything that boots', async () => {
    const disk = withPartition(Buffer.alloc(MIB));
    expect(await warnings(disk, 'bios')).toEqual([
      expect.stringMatching(
        /^the MBR has no boot code .*; install a boot loader for a BIOS, or check that this is the disk meant$/,
      ),
    ]);
  });
});

describe('a damaged disk is inspected in a bounded number of reads', () => {
  const anyU64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
  const anyU32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });

  test('if it is cut off anywhere', async () => {
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
  ])('if bytes are replaced in %s', async (_, original, start, length) => {
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

  test('if its GPT header has any numbers and the right checksum', async () => {
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

  test('if a directory never ends', async () => {
    const disk = Buffer.from(FIXTURE);
    const esp = disk.subarray(ESP_OFFSET, ESP_OFFSET + 2 * MIB);
    const fatOffset = 512 * esp.readUInt16LE(14);
    // Each entry of the FAT leads to cluster 0x222; all entries of directories but the root are
    // deleted.
    esp.fill(Buffer.from([0x22, 0x22, 0x22]), fatOffset, fatOffset + 3 * 512);
    const clusters = esp.indexOf('.          ');
    esp.fill(0xe5, clusters);
    expect((await inspect(disk, 600)).table.partitions[0]?.esp).toEqual({ fat: 12, bootFiles: [] });
  });
});
