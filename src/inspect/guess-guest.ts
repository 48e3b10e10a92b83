import type { OsType } from '../../formats/index.ts';
import type { Source } from '../sources/source.ts';
import type { DiskFacts } from './disk-facts.ts';
import { openFat } from './fat.ts';
import { diskView } from '../partitions/disk-view.ts';

/**
 * What boot loaders install in \EFI, by their names in FAT, and the guest that they start. Names of
 * distributions whose versions VMware tells apart stand for any Linux.
 */
const VENDORS: Readonly<Record<string, OsType>> = {
  UBUNTU: 'ubuntu64Guest',
  DEBIAN: 'debian10_64Guest',
  FEDORA: 'fedora64Guest',
  CENTOS: 'other4xLinux64Guest',
  REDHAT: 'other4xLinux64Guest',
  ROCKY: 'other4xLinux64Guest',
  'ALMALI~1': 'other4xLinux64Guest',
  OPENSUSE: 'other4xLinux64Guest',
  SYSTEMD: 'other4xLinux64Guest', // systemd-boot
  ZBM: 'other4xLinux64Guest', // ZFSBootMenu
  FREEBSD: 'freebsd12_64Guest',
  'MICROS~1': 'windows9_64Guest',
};

/**
 * The guest that the EFI boot loader on a disk starts, by VMware's name; undefined unless there is
 * one of a known vendor, for x64, and the source has random access. Throws what its `read` throws.
 */
export async function guessGuest(
  source: Source,
  { table }: DiskFacts,
): Promise<OsType | undefined> {
  const { size } = source;
  const read = source.read?.bind(source);
  if (!read || size === undefined) return undefined;
  const esps = table.partitions.filter(({ esp }) => esp?.fat !== undefined);
  if (esps.some(({ esp }) => esp?.bootFiles.includes('BOOTAA64.EFI'))) return undefined;
  const disk = diskView(read, size);
  const found = new Set<OsType>();
  for (const { diskOffset } of esps) {
    const fat = await openFat(disk, diskOffset);
    for (const { name, isDirectory } of (await fat?.list(['EFI'])) ?? []) {
      if (isDirectory && Object.hasOwn(VENDORS, name)) found.add(VENDORS[name]!); // its own key
    }
  }
  const [guest, ...others] = found;
  return others.length === 0 ? guest : undefined;
}
