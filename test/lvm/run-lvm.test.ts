import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { lvm, lvmFailure, lvmReport } from '../../src/lvm/run-lvm.ts';
import { temporaryFolder } from '../support/folder.ts';

/** Puts an lvs into PATH that prints so. */
function fakeLvs(status: number, stdout: string, stderr: string): void {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'stdout'), stdout);
  writeFileSync(join(folder, 'stderr'), stderr);
  const script = `#!/bin/sh\ncat "$(dirname "$0")/stdout"; cat "$(dirname "$0")/stderr" >&2; exit ${status}\n`;
  writeFileSync(join(folder, 'lvs'), script, { mode: 0o755 });
  vi.stubEnv('PATH', `${folder}:${process.env['PATH'] ?? ''}`);
}

// As LVM 2.03.16 printed them.
const MESSAGES: readonly (readonly [string, string])[] = [
  ['missing', '  Failed to find logical volume "vg/kexport-y"\n'],
  ['no-group', '  Volume group "nosuch" not found\n  Cannot process volume group nosuch\n'],
  ['busy', '  Logical volume vg/kexport-y in use.\n'],
  ['no-space', '  Volume group "vg" has insufficient free space (3 extents): 25600 required.\n'],
  [
    'permission',
    '  WARNING: Running as a non-root user. Functionality may be unavailable.\n  /run/lock/lvm/P_global:aux: open failed: Permission denied\n',
  ],
  ['other', '  Snapshots of thick snapshots are not supported.\n'],
];

// Of other disks; the words are those of LVM's source.
const NOTICES = [
  '  WARNING: Device for PV 7pOmnz-wiVP-Cw8m-VnPB-XMHQ-K06g-pFJWR1 not found or rejected by a filter.\n',
  '  Devices file PVID 7pOmnzwiVPCw8mVnPBXMHQK06gpFJWR1 last seen on /dev/sdc1 not found.\n',
].join('');

describe('a command of LVM', () => {
  test.each(MESSAGES)('fails as %s: %j', async (kind, stderr) => {
    fakeLvs(5, '', stderr);
    const error = await lvm('lvs', []).catch((caught: unknown) => caught);
    expect(lvmFailure(error)).toBe(kind);
    expect(String(error)).not.toContain('WARNING');
  });

  test.each(MESSAGES)('fails as %s after notices of other disks: %j', async (kind, stderr) => {
    fakeLvs(5, '', NOTICES + stderr);
    const error = await lvm('lvs', []).catch((caught: unknown) => caught);
    expect(lvmFailure(error)).toBe(kind);
    expect(String(error)).not.toMatch(/WARNING|Devices file/);
  });

  test('fails as no-command where there is none', async () => {
    const error = await lvm('no-such-command-of-lvm', []).catch((caught: unknown) => caught);
    expect(lvmFailure(error)).toBe('no-command');
  });

  test('reports rows of texts, by the names of the columns', async () => {
    fakeLvs(0, '{"report":[{"lv":[{"lv_name":"a","lv_size":"4096"},{"lv_name":"b"}]}]}', '');
    const rows = await lvmReport('lvs', ['lv_name', 'lv_size']);
    expect(rows).toEqual([{ lv_name: 'a', lv_size: '4096' }, { lv_name: 'b' }]);
  });

  test('is refused if what it prints is no report', async () => {
    fakeLvs(0, 'no JSON', '');
    await expect(lvmReport('lvs', ['lv_name'])).rejects.toThrow('lvs printed no report');
  });
});
