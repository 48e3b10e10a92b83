import { describe, expect, test } from 'vitest';
import { fakeCommands, pathWith } from '../support/fake-commands.ts';
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

  test('keeps what an export of another machine may be reading, on storage that they share', () => {
    const name = 'kexport-20260102T030405Z-4711-1a2b3c4d';
    const owner = '00000000-0000-4000-8000-000000000000:4026531836:4711:123:another-machine';
    const lv = { vg_name: 'san', lv_name: name, lv_tags: `kexport:owner=${owner}` };
    const folder = fakeCommands({
      lvs: `echo '${JSON.stringify({ report: [{ lv: [lv] }] })}'`,
    });
    const { stdout } = kexport(['clean', '--dry-run'], { env: { PATH: pathWith(folder) } });
    const why = 'an export on another machine or in a container may be reading it';
    const line = `kept san/${name}: ${why}; if none is: lvremove --yes san/${name}`;
    expect(linesOf(stdout)).toContain(line);
  });
});
