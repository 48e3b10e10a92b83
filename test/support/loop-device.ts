import { onTestFinished } from 'vitest';
import { run } from './peers.ts';

/** A loop device of a file, detached after the test. `options` are losetup's. Needs root. */
export function loopDevice(path: string, ...options: string[]): string {
  const device = run('losetup', '--find', '--show', ...options, path).trim();
  onTestFinished(() => {
    run('losetup', '--detach', device);
  });
  return device;
}
