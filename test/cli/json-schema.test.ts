// What the commands print with --json, held to docs/json-schema.json.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { beforeAll, describe, expect, test } from 'vitest';
import { noise, withPartition } from '../support/disks.ts';
import { sharedFolder } from '../support/folder.ts';
import { kexport, kexportOk } from '../support/kexport.ts';
import { BOOT_DISK, TOP } from '../support/project.ts';

const schema = JSON.parse(readFileSync(join(TOP, 'docs', 'json-schema.json'), 'utf8')) as object;
const ajv = new Ajv({ allErrors: true });
ajv.addSchema(schema, 'kexport');
const folder = sharedFolder();

beforeAll(() => {
  writeFileSync(join(folder, 'disk'), withPartition(noise(2 ** 20)));
  writeFileSync(join(folder, 'bare'), noise(2 ** 20));
  kexportOk(folder, 'all,vhd-dynamic,vhdx,vdi', BOOT_DISK, '--name', 'x');
});

/** What is wrong with the document that a command prints. */
function errorsOf(kind: string, words: readonly string[]): unknown {
  const { stdout } = kexport([...words, '--json'], { cwd: folder });
  const document: unknown = JSON.parse(stdout);
  const valid =
    ajv.validate('kexport', document) && ajv.validate(`kexport#/$defs/${kind}`, document);
  return valid ? undefined : { errors: ajv.errors, document };
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
    expect(ajv.validate('kexport', { version: '0.1.0' })).toBe(false);
    expect(ajv.validate('kexport', { error: { code: 'nonsense', message: '' } })).toBe(false);
  });
});
