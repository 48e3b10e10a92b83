// What the commands print with --json, held to docs/json-schema.json.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { noise, withPartition } from '../support/disks.ts';
import { sharedFolder } from '../support/folder.ts';
import { isDescribed, schemaErrors } from '../support/json-schema.ts';
import { kexport, kexportOk } from '../support/kexport.ts';
import { BOOT_DISK, fixturePath } from '../support/project.ts';
import { replayPath } from '../support/recorded.ts';

const folder = sharedFolder();

beforeAll(() => {
  writeFileSync(join(folder, 'disk'), withPartition(noise(2 ** 20)));
  writeFileSync(join(folder, 'bare'), noise(2 ** 20));
  kexportOk(folder, 'all,vhd-dynamic,vhdx,vdi', BOOT_DISK, '--name', 'x');
});

/** What the schema has against the document that a command prints. */
function errorsOf(kind: string, words: readonly string[]): unknown {
  const { stdout } = kexport([...words, '--json'], { cwd: folder, env: { PATH: replayPath() } });
  return schemaErrors(kind, JSON.parse(stdout));
}

const FILES = ['x.qcow2', 'x.raw', 'x.vhd', 'x.dynamic.vhd', 'x.vhdx', 'x.vdi', 'x.vmdk', 'x.ova'];

describe('the JSON Schema describes', () => {
  const cases: readonly (readonly [kind: string, words: readonly string[]])[] = [
    ['export', ['all', BOOT_DISK, '--name', 'y']],
    ['export', ['ova', 'bare', '-o', 'warned.ova', '--checksums', '--verify']],
    ['export', ['convert', 'x.vmdk', 'qcow2', '-o', 'z.qcow2']],
    ['plan', ['all', BOOT_DISK, '--dry-run']],
    ['plan', ['ova', 'bare', '--dry-run']],
    ...FILES.map((file) => ['image', ['info', file]] as const),
    ...FILES.map((file) => ['map', ['info', '--map', file]] as const),
    ['image', ['info', '--identity', 'x.qcow2']],
    ['image', ['info', '--identity', 'x.ova']],
    ['streams', ['info', fixturePath('zfs-send', 'tail-inc-b.zfs')]],
    ['streams', ['info', fixturePath('zfs-send', 'chain-I.zfs')]],
    ['sources', ['sources']],
    ['verdict', ['verify', 'x.vmdk']],
    ['verdict', ['verify', 'x.vmdk', '--against', 'x.qcow2']],
    ['verdict', ['verify', 'x.vmdk', '--against', 'disk']],
    ['failure', ['raw', 'nowhere']],
    ['failure', ['raw', 'disk', '-o', 'x.raw']],
    ['failure', ['info', 'nowhere']],
    ['failure', ['verify', 'nowhere']],
    ['failure', ['raw', 'disk', '--sise', '1']],
  ];
  test.each(cases)('%s: %j', (kind, words) => {
    expect(errorsOf(kind, words)).toBeUndefined();
  });

  test('nothing else', () => {
    expect(isDescribed({ version: '0.1.0' })).toBe(false);
    expect(isDescribed({ error: { code: 'nonsense', message: '' } })).toBe(false);
  });
});
