import { execFileSync } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';

/**
 * Makes a file of that size in bytes and a loop device of it, where this user can make one. For
 * programs; a test has `loopDevice`.
 */
export function attachLoop(path: string, size: number): string | undefined {
  if (process.getuid?.() !== 0) return undefined;
  writeFileSync(path, '');
  truncateSync(path, size);
  return execFileSync('losetup', ['--find', '--show', path], { encoding: 'utf8' }).trim();
}

/** Detaches it. */
export function detachLoop(device: string | undefined): void {
  if (device !== undefined) execFileSync('losetup', ['--detach', device]);
}
