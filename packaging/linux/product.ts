import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Architecture } from '../node-builds.ts';

/** What a package is made from. */
export interface Product {
  /** The top of the project, which is built. */
  readonly top: string;
  /** As npm writes it: 1.0.0, or 1.0.0-rc.1 before it. */
  readonly version: string;
  readonly homepage: string;
  readonly arch: Architecture;
  /** The path of the executable. */
  readonly executable: string;
  /** The licenses of what is inside the executable. */
  readonly licenses: string;
  /** The time that the files bear. */
  readonly date: Date;
}

/** How a package is made. */
export interface PackageOptions {
  /** An empty folder. */
  readonly work: string;
  /** Where the package goes. */
  readonly folder: string;
  /** Of xz: 0 to 9. */
  readonly level: number;
}

/** In one line. */
export const SUMMARY = 'disk images for every hypervisor and cloud';

export const DESCRIPTION: readonly string[] = [
  'kexport makes images of a disk (qcow2, raw, vhd, vhdx, vdi, vmdk, ova) in one',
  'read of it, each block compressed once for all of them. The disk is a file, a',
  'device, a ZFS volume, the disk that a running machine has its root pool on, a',
  'pipe, a stream of zfs send, or another image. ksnap snapshots ZFS pools.',
];

export const MAINTAINER = 'The kexport authors <kldload@users.noreply.github.com>';

/** The number of a package among those of the same version. */
export const REVISION = 1;

/** The product of an architecture, as it is built. */
export async function builtProduct(top: string, arch: Architecture, date: Date): Promise<Product> {
  const { version, homepage } = JSON.parse(
    await readFile(join(top, 'package.json'), 'utf8'),
  ) as Pick<Product, 'version' | 'homepage'>;
  const folder = join(top, 'dist', 'executable');
  const executable = join(folder, `kexport-linux-${arch}`);
  const licenses = await readFile(join(folder, 'LICENSES.txt'), 'utf8');
  return { top, version, homepage, arch, executable, licenses, date };
}

/** The version in the order of Debian and RPM, where ~ comes before the end. */
export function packageVersion({ version }: Product): string {
  return version.replace('-', '~');
}

/** A time as an environment variable that the makers of packages take theirs from. */
export function epochOf({ date }: Product): NodeJS.ProcessEnv {
  return { ...process.env, SOURCE_DATE_EPOCH: String(Math.floor(date.getTime() / 1000)) };
}
