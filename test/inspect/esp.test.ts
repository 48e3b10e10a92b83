// Disks as sgdisk, mkfs.vfat and mtools make them.

import { closeSync, openSync, readFileSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { loopDevice } from '../support/loop-device.ts';
import { describeAsRoot, describeWith, run } from '../support/peers.ts';
import { ESP_GUID, ESP_OFFSET, FIXTURE, fixtureWith, inspect, warnings } from './inspecting.ts';

const MIB = 2 ** 20;

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

/** A disk of sgdisk: the EFI system partition from 1 MiB on, and a partition of 1 MiB after it. */
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
  ])('is read in FAT$bits of mkfs.vfat $format', async ({ bits, format, size }) => {
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

  test('is FAT32 by its fields, even with fewer clusters than FAT32 should have', async () => {
    const path = join(temporaryFolder(), 'esp');
    run('mkfs.vfat', '-F', '32', '-s', '8', '-C', path, '2048'); // mtools does not open it
    const { table } = await inspect(fixtureWith(ESP_OFFSET, readFileSync(path)));
    expect(table.partitions[0]?.esp).toEqual({ fat: 32, bootFiles: [] });
  });

  test('may have boot files whose names are long', async () => {
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

  test('with only the 32-bit boot file has that warning too', async () => {
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

  test('may be in an MBR', async () => {
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
  test('is read like one in sectors of 512', async () => {
    const path = join(temporaryFolder(), 'disk');
    writeFileSync(path, '');
    truncateSync(path, 16 * MIB);
    run('sgdisk', '-n', '1:1M:+2M', '-t', '1:ef00', loopDevice(path, '--sector-size', '4096'));
    const disk = readFileSync(path);
    disk.set(FIXTURE.subarray(ESP_OFFSET, ESP_OFFSET + 2 * MIB), MIB);
    const { table } = await inspect(disk);
    const esp = { fat: 12, bootFiles: ['BOOTX64.EFI'] };
    expect(table).toMatchObject({ kind: 'gpt', problem: undefined });
    expect(table.partitions).toMatchObject([{ diskOffset: MIB, size: 2 * MIB, esp }]);
  });
});
