import type { EspFacts } from './disk-facts.ts';
import type { DiskView } from '../partitions/disk-view.ts';
import { openFat } from './fat.ts';

/** "UEFI Image Types", UEFI 2.10, table 3.2, by their short names in FAT. */
const BOOT_FILES: Readonly<Record<string, string>> = {
  'BOOTIA32.EFI': 'BOOTIA32.EFI',
  'BOOTX64.EFI': 'BOOTX64.EFI',
  'BOOTIA64.EFI': 'BOOTIA64.EFI',
  'BOOTARM.EFI': 'BOOTARM.EFI',
  'BOOTAA64.EFI': 'BOOTAA64.EFI',
  // Longer than 8.3: the short name that Linux, Windows and mtools give to the first such file.
  'BOOTRI~1.EFI': 'BOOTRISCV64.EFI',
  'BOOTLO~1.EFI': 'BOOTLOONGARCH64.EFI',
};

/** Inspects the EFI system partition that begins at `diskOffset`. */
export async function inspectEsp(disk: DiskView, diskOffset: number): Promise<EspFacts> {
  const fat = await openFat(disk, diskOffset);
  if (!fat) return { fat: undefined, bootFiles: [] };
  const entries = await fat.list(['EFI', 'BOOT']);
  const files = entries.filter(({ isDirectory, size }) => !isDirectory && size > 0);
  const bootFiles = files.flatMap(({ name }) => BOOT_FILES[name] ?? []);
  return { fat: fat.bits, bootFiles: [...new Set(bootFiles)].sort() };
}
