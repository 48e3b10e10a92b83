import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { outcomeOf } from '../../src/host/run-command.ts';
import { fakeCommands } from '../support/fake-commands.ts';

test('a program prints times in the time zone in which they are read here', async () => {
  vi.stubEnv('TZ', 'Asia/Tokyo');
  vi.stubEnv('ZFS_COLOR', '1');
  const folder = fakeCommands({ zpool: 'echo "$TZ, $LC_ALL, $ZFS_COLOR"' });
  const { stdout } = await outcomeOf(join(folder, 'zpool'), []);
  expect(stdout).toBe('Asia/Tokyo, C, \n');
});

test('a program has no time zone where this process has none', async () => {
  vi.stubEnv('TZ', undefined);
  const folder = fakeCommands({ zpool: 'echo "${TZ-none}"' });
  const { stdout } = await outcomeOf(join(folder, 'zpool'), []);
  expect(stdout).toBe('none\n');
});
