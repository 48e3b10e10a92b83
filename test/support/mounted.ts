// Mounted file systems, for tests that run as root.

import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { temporaryFolder } from './folder.ts';
import { run } from './peers.ts';

/** A folder with a tmpfs of those mount options, unmounted after the test. */
export function mountedTmpfs(options: string): string {
  return mounted('-t', 'tmpfs', '-o', options, 'tmpfs');
}

/** A folder with a new file system of that size in bytes, unmounted after the test. */
export function mountedFileSystem(mkfs: readonly [string, ...string[]], size: number): string {
  const image = join(temporaryFolder(), 'fs');
  writeFileSync(image, '');
  truncateSync(image, size);
  run(...mkfs, image);
  return mounted('-o', 'loop', image);
}

/** A folder with the file system of a device, unmounted after the test. */
export function mountedDevice(device: string): string {
  return mounted(device);
}

function mounted(...args: string[]): string {
  const folder = temporaryFolder();
  run('mount', ...args, folder);
  onTestFinished(() => {
    run('umount', folder);
  });
  return folder;
}
