import { TYPE_GUID } from '../partitions/layout.ts';
import type { Content, DiskFacts, Partition, PartitionTable } from './disk-facts.ts';

/** Where the images are to boot. */
export interface ImportTarget {
  /** Firmware of the virtual machine. Without it, warnings that depend on it are left out. */
  readonly firmware?: 'efi' | 'bios' | undefined;
  /** Whether it is a further disk of a machine, which need not boot. Default false. */
  readonly isFurther?: boolean | undefined;
}

/**
 * Reasons why an import of the disk will fail, one line each: what was found, why it fails, what to
 * do.
 */
export function importWarnings(
  facts: DiskFacts,
  { firmware, isFurther = false }: ImportTarget,
): string[] {
  const { kind, problem } = facts.table;
  if (isFurther) return kind === 'none' || !problem ? [] : [unsound(kind, problem)];
  const table = tableWarning(facts);
  if (facts.table.partitions.length === 0 && table) return [table];
  const boot = firmware && (firmware === 'efi' ? efiWarning(facts) : biosWarning(facts));
  return [table, boot].filter((line) => line !== undefined);
}

function warning(found: string, effect: string, remedy: string): string {
  return `${found}. ${effect}; ${remedy}`;
}

const AWS_SAYS = 'AWS VM Import: "No valid partitions"';

function tableWarning({ table, content }: DiskFacts): string | undefined {
  const { kind, problem, partitions } = table;
  if (kind === 'none') return noTable(content);
  if (problem) return unsound(kind, problem);
  if (partitions.length > 0) return undefined;
  return warning(
    `the partition table (${kind.toUpperCase()}) is empty`,
    `Importers find nothing to boot (${AWS_SAYS})`,
    'check that this is the disk meant',
  );
}

function noTable(content: Content | undefined): string {
  const found = content === undefined ? 'neither GPT nor MBR' : `it begins with ${content.title}`;
  return warning(
    `the disk has no partition table: ${found}`,
    `Importers refuse it (${AWS_SAYS}) and firmware finds nothing to boot`,
    content === undefined
      ? 'check that this is the disk meant, and that it is raw'
      : 'if it is a partition, export the whole disk (/dev/sda, not /dev/sda1)',
  );
}

function unsound(kind: PartitionTable['kind'], problem: string): string {
  return warning(
    `the partition table (${kind.toUpperCase()}) is not valid: ${problem}`,
    'Linux, and importers that use it, then miss partitions',
    kind === 'gpt'
      ? 'check that the disk is whole and see what sgdisk --verify says of it; gdisk repairs'
      : 'check that the disk is whole and see what sfdisk --verify says of it',
  );
}

/** Firmware of 64-bit x86 does not start this file. */
const BOOT_FILE_32 = 'BOOTIA32.EFI';

function efiWarning(facts: DiskFacts): string | undefined {
  const esps = facts.table.partitions.filter(({ esp }) => esp);
  if (esps.length === 0) return noEsp(facts);
  const bootFiles = esps.flatMap(({ esp }) => esp?.bootFiles ?? []);
  if (bootFiles.some((name) => name !== BOOT_FILE_32)) return undefined;

  const name = `the EFI system partition (${numbersOf(esps)})`;
  if (esps.every(({ esp }) => esp?.fat === undefined)) {
    return warning(
      `${name} is not a FAT file system`,
      'EFI firmware reads no other, so the disk does not boot',
      'make it again with mkfs.vfat -F 32 and install the boot loader into it',
    );
  }
  const instead = bootFiles.length > 0 ? `, only ${BOOT_FILE_32} for 32-bit firmware` : '';
  return warning(
    `${name} has no \\EFI\\BOOT\\BOOTX64.EFI${instead}`,
    'A new virtual machine starts no other: what efibootmgr lists is not on the disk',
    'run grub-install --removable or bootctl install in the guest before the export',
  );
}

function noEsp({ table, bootCode }: DiskFacts): string {
  const type = table.kind === 'gpt' ? `type ${TYPE_GUID.esp}` : 'type 0xEF';
  return warning(
    `the disk has no EFI system partition (${type})`,
    'EFI firmware finds nothing to boot',
    bootCode
      ? 'it has boot code for a BIOS, so import it with firmware bios'
      : 'make one and install a boot loader into it, or check that this is the disk meant',
  );
}

function biosWarning({ table, bootCode }: DiskFacts): string | undefined {
  if (bootCode) return undefined;
  return warning(
    'the MBR has no boot code (its 440 bytes are zeros)',
    'A BIOS starts nothing else, so the disk does not boot',
    biosRemedy(table.partitions),
  );
}

function biosRemedy(partitions: readonly Partition[]): string {
  if (partitions.some(({ type }) => type === TYPE_GUID.biosBoot)) {
    return 'it has a BIOS boot partition, so run grub-install --target=i386-pc in the guest before the export';
  }
  if (partitions.some(({ esp }) => esp)) {
    return 'it has an EFI system partition, so import it with firmware efi';
  }
  return 'install a boot loader for a BIOS, or check that this is the disk meant';
}

function numbersOf(partitions: readonly Partition[]): string {
  const numbers = partitions.map(({ index }) => index).join(', ');
  return `${partitions.length > 1 ? 'partitions' : 'partition'} ${numbers}`;
}
