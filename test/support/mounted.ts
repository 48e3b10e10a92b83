import { onTestFinished } from 'vitest';
import { temporaryFolder } from './folder.ts';
import { run } from './peers.ts';

/** A folder with a tmpfs of those options, which is unmounted after the test. Needs root. */
export function mountedTmpfs(options: string): string {
  const folder = temporaryFolder();
  run('mount', '-t', 'tmpfs', '-o', options, 'tmpfs', folder);
  onTestFinished(() => {
    run('umount', folder);
  });
  return folder;
}
