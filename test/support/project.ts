import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The top folder of the project, also of a script that is built into dist/. */
export const TOP = topOf(import.meta.dirname);

function topOf(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : topOf(dirname(folder));
}

/** The path of a file in fixtures/. */
export function fixturePath(...names: string[]): string {
  return join(TOP, 'fixtures', ...names);
}

/**
 * A raw disk of 8 MiB that boots: GPT, EFI system partition, root. Made by fixtures/make-disk.sh.
 */
export const BOOT_DISK = fixturePath('disk.raw');
