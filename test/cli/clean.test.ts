import { describe, expect, test } from 'vitest';
import { kexport } from '../support/kexport.ts';
import { linesOf, replayPath } from '../support/recorded.ts';

describe('kexport clean', () => {
  test('finds the leftovers of an export whose process is gone, the clone first', () => {
    const { stdout } = kexport(['clean', '--dry-run'], { env: { PATH: replayPath() } });
    expect(linesOf(stdout)).toEqual([
      'would remove tank/vm/kexport-20260102T030405Z-4711-5e6f7a8b',
      expect.stringMatching(/^kept tank\/copies\/disk-1@kexport-\S+: it came with zfs receive; /),
      'would remove tank/vm/disk-1@kexport-20260102T030405Z-4711-1a2b3c4d',
    ]);
  });

  test('fails if it cannot list all of them, such as checkpoints here', () => {
    const { status, stderr } = kexport(['clean', '--dry-run'], { env: { PATH: replayPath() } });
    expect(stderr).toMatch(/^kexport: zpool list: not recorded: .*\n$/);
    expect(status).toBe(1);
  });
});
