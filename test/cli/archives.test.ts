// `info` and `verify` of disks in gzip files, zip archives and pipes.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { sharedFolder } from '../support/folder.ts';
import { kexport, shell } from '../support/kexport.ts';
import { testWith } from '../support/peers.ts';
import { BOOT_DISK } from '../support/project.ts';

const SIZE = 8 * 2 ** 20;

const folder = sharedFolder();
const bytes = readFileSync(BOOT_DISK);

beforeAll(() => {
  const args = ['all', BOOT_DISK, '--name', 'x', '--output-dir', folder, '--zip', '-q'];
  expect(kexport(args).status).toBe(0);
  writeFileSync(join(folder, 'x.raw.gz'), gzipSync(bytes));
  const broken = gzipSync(bytes);
  broken.writeUInt8(broken.readUInt8(broken.length - 8) ^ 1, broken.length - 8); // of the CRC-32
  writeFileSync(join(folder, 'broken.raw.gz'), broken);
  writeFileSync(join(folder, 'x.qcow2.gz'), gzipSync(readFileSync(join(folder, 'x.qcow2'))));
});

const command = (...args: string[]) => kexport(args, { cwd: folder });

describe('a disk in an archive', () => {
  test.each(['x.raw.gz', 'x.raw.zip', 'x.vhd.zip'])('is described and verified: %s', (name) => {
    const described = command('info', name, '--json');
    expect(JSON.parse(described.stdout)).toMatchObject({
      format: name.endsWith('.gz') ? 'gz' : 'zip',
      virtualSize: SIZE,
      partitionTable: { kind: 'gpt', partitions: [{ name: 'ESP' }, { name: 'root' }] },
    });
    expect(described.status).toBe(0);
    const verified = command('verify', name, '--against', BOOT_DISK);
    expect(verified.stdout).toContain(`sound, all ${SIZE} bytes of the disk can be read, and`);
    expect(verified.status).toBe(0);
  });

  test('is reported as damaged with status 1', () => {
    const { status, stdout } = command('verify', 'broken.raw.gz');
    expect(stdout).toMatch(/^error: broken.raw.gz is damaged: .*incorrect data check\n$/);
    expect(status).toBe(1);
  });

  test('is reported as different with status 1', () => {
    const other = Buffer.from(bytes);
    other.writeUInt8(1, SIZE - 700_000);
    writeFileSync(join(folder, 'other'), other);
    expect(command('verify', 'x.raw.gz', '--against', 'other')).toMatchObject({
      status: 1,
      stdout: `error: the disk differs from other at byte ${SIZE - 700_000}\n`,
    });
  });

  test('may come through a pipe', () => {
    const line = 'cat x.raw.gz | kexport verify - --from gz && kexport info - --from gz < x.raw.gz';
    const { status, stdout, stderr } = shell(line, folder);
    expect(stdout).toMatch(/^-: sound.*\nimage: +-\nformat: +gz, a disk in a gzip file\n/);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  test.each([
    ['info', 1],
    ['verify', 3],
  ])('must not be an image that needs random access: %s', (name, expected) => {
    const { status, stderr } = command(name, 'x.qcow2.gz');
    expect(stderr).toMatch(/^kexport: .*begins like a qcow2 image \(unpack it first.*\)\n$/);
    expect(status).toBe(expected);
  });
});

test.each(['info', 'verify'])('kexport %s says how to name an image on standard input', (name) => {
  const { status, stderr } = shell(`kexport ${name} - --from qcow2 < x.qcow2`, folder);
  expect(stderr).toContain('name the file; one that the shell has opened is /dev/stdin');
  expect(status).toBe(2);
  const line = `kexport ${name} /dev/stdin --from qcow2 < x.qcow2`;
  expect(shell(line, folder)).toMatchObject({ status: 0, stderr: '' });
  expect(shell(`kexport ${name} - < x.qcow2`, folder).stderr).toMatch(
    /standard input: not a zfs send stream.*an image is read by the name of its file/,
  );
});

testWith(
  ['tar'],
  'an archive of another order is an ova by its name, and verify reports it',
  () => {
    const make = 'tar -xf x.ova && tar --format=ustar -cf other.ova x-disk.vmdk x.mf x.ovf';
    const { status, stdout } = shell(`${make} && kexport verify other.ova`, folder);
    expect(stdout).toContain('error: the first member is x-disk.vmdk, not x.ovf\n');
    expect(status).toBe(1);
  },
);
