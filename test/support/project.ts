import { join } from 'node:path';

/** The top folder of the project. */
export const TOP = join(import.meta.dirname, '..', '..');

/** The path of a file in fixtures/. */
export function fixturePath(...names: string[]): string {
  return join(TOP, 'fixtures', ...names);
}

/**
 * A raw disk of 8 MiB that boots: GPT, EFI system partition, root. Made by fixtures/make-disk.sh.
 */
export const BOOT_DISK = fixturePath('disk.raw');
