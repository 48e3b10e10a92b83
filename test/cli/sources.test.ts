import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { kexport } from '../support/kexport.ts';
import { replayFolder, replayPath } from '../support/recorded.ts';

describe('kexport sources', () => {
  test('lists volumes and snapshots with the command to type, and none of ours', () => {
    const { status, stdout } = kexport(['sources'], { env: { PATH: replayPath() } });
    expect(stdout).toMatch(/^tank\/vm\/disk-0 +64\.0 MiB +\S+ \S+ +kexport all tank\/vm\/disk-0$/m);
    expect(stdout).toMatch(/^ {2}@second +64\.0 MiB .* kexport all tank\/vm\/disk-0@second$/m);
    expect(stdout).toMatch(/^tank\/vm\/my disk .* kexport all 'tank\/vm\/my disk'$/m);
    expect(stdout).not.toMatch(/kexport-2026|@files/);
    expect(status).toBe(0);
  });

  test('has sizes in bytes in its JSON', () => {
    const { stdout } = kexport(['sources', '--json'], { env: { PATH: replayPath() } });
    const { volumes } = JSON.parse(stdout) as {
      volumes: { name: string; size: number; snapshots: unknown[] }[];
    };
    expect(volumes.find(({ name }) => name === 'tank/vm/disk-1')).toMatchObject({
      size: 2 ** 30,
      snapshots: [],
    });
  });

  test('says why it knows no volumes, and lists the disks', () => {
    const folder = replayFolder(); // without the answer that is asked for
    rmSync(join(folder, 'recorded'));
    mkdirSync(join(folder, 'recorded'));
    writeFileSync(join(folder, 'recorded', 'none.txt'), '');
    const { status, stdout } = kexport(['sources'], { env: { PATH: `${folder}:/usr/bin:/bin` } });
    expect(stdout).toMatch(/^no ZFS volumes: zfs list: not recorded/);
    expect(stdout).toMatch(/^DISK|^no disks/m);
    expect(status).toBe(0);
  });
});
