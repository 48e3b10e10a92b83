// Reads which root file system the boot loader of a machine starts.

import { readFile } from 'node:fs/promises';
import { matchesInside } from './inside.ts';

/** Where configurations lie in an EFI system partition: systemd-boot, GRUB, rEFInd. */
const IN_ESP = [
  ...['loader/entries/*.conf', 'EFI/*/grub.cfg', 'grub/grub.cfg', 'EFI/*/refind_linux.conf'],
  ...['refind_linux.conf', 'EFI/*/cmdline', 'EFI/*/*.conf'],
];

/** And in the root file system of a machine. */
const IN_ROOT = [
  ...['boot/grub/grub.cfg', 'boot/grub2/grub.cfg', 'boot/loader/entries/*.conf'],
  ...['boot/extlinux/extlinux.conf', 'etc/kernel/cmdline'],
];

/** Limit of this program on a configuration, in bytes. */
const MAX_SIZE = 2 ** 20;

/** A root file system that a boot loader names. */
export interface NamedRoot {
  /** The dataset, or the end of its name after a slash. */
  readonly dataset: string;
  /** The file that names it. */
  readonly file: string;
}

/**
 * The root file systems that the boot loader names. `esp` and `root` are where the EFI system
 * partition and the root file system are mounted; undefined for one that is not. A boot loader that
 * names none goes by the pool's `bootfs`, or cannot be read here.
 */
export async function namedRoots(
  esp: string | undefined,
  root: string | undefined,
): Promise<NamedRoot[]> {
  const named: NamedRoot[] = [];
  for (const [folder, patterns] of [[esp, IN_ESP] as const, [root, IN_ROOT] as const]) {
    if (folder === undefined) continue;
    for (const pattern of patterns) {
      for (const { path, isFile } of await matchesInside(folder, pattern)) {
        if (!isFile) continue;
        const text = await readFile(path, 'latin1').catch(() => '');
        for (const dataset of rootsIn(text.slice(0, MAX_SIZE))) named.push({ dataset, file: path });
      }
    }
  }
  return named;
}

/** `root=ZFS=POOL/PATH` and `root=zfs:POOL/PATH`, of Debian's initramfs and of dracut. */
export function rootsIn(text: string): string[] {
  const found = [...text.matchAll(/\broot=["']?zfs[=:]["']?([A-Za-z0-9_.:/-]+)/gi)];
  // `root=zfs:AUTO` goes by bootfs.
  return [...new Set(found.map(([, name = '']) => name))].filter((name) => name.includes('/'));
}

/** Whether a name in a configuration is that of the dataset; GRUB leaves out the pool. */
export function namesRoot({ dataset }: NamedRoot, name: string): boolean {
  return dataset === name || (dataset.startsWith('/') && name.endsWith(dataset));
}
