// The base of an increment: --flatten reads any disk, --backing-file names a qcow2 or a raw disk.

import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { sharedFolder, temporaryFolder } from '../support/folder.ts';
import { kexport, kexportOk, shell } from '../support/kexport.ts';
import { run, sha256Of } from '../support/peers.ts';
import { fixture, streamNamed } from '../support/send-streams.ts';

const [full, increment] = [fixture('grow-full-a'), fixture('grow-inc-b')];
const sum = streamNamed('grow-inc-b').rawSha256!;
const folder = sharedFolder();

beforeAll(() => {
  kexportOk(folder, 'raw,qcow2,vmdk', full, '--name', 'a');
  run('gzip', '-k', join(folder, 'a.raw'));
  copyFileSync(join(folder, 'a.qcow2'), join(folder, 'nameless'));
  copyFileSync(full, join(folder, 'a.zfs'));
});

describe('--flatten', () => {
  const flat = (base: string) =>
    `kexport raw ${increment} --flatten ${base} -o flat.raw --force -q && sha256sum < flat.raw`;

  test.each([
    ['a raw disk', flat('a.raw')],
    ['a qcow2', flat('a.qcow2')],
    ['a vmdk', flat('a.vmdk')],
    ['a raw disk in a gzip file', flat('a.raw.gz')],
    ['the stream of the snapshot before', flat('a.zfs')],
    ['a named pipe', flat('<(cat a.raw)')],
    ['standard input', `cat a.raw | (${flat('-')})`],
  ])('makes the whole disk of %s and an increment', (_, line) => {
    expect(shell(line, folder)).toEqual({
      status: 0,
      stderr: '',
      stdout: expect.stringContaining(sum) as string,
    });
  });

  test.each([
    ['a folder', flat('.'), /\. is a folder/],
    [
      'the stream of another snapshot',
      flat(fixture('empty-full')),
      /empty-full.zfs is the disk of the snapshot with the guid .* starts from 13e96ac4d37511b2/,
    ],
    ['another increment', flat(increment), /the stream is incremental: tank\/grow@b/],
    [
      'the same pipe as the stream',
      'cat a.raw | kexport raw - --flatten - -q',
      /cannot both come from standard input/,
    ],
  ])('refuses %s with one line', (_, line, message) => {
    const { status, stderr } = shell(`rm -f flat.raw; ${line}`, folder);
    expect(status).not.toBe(0);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
});

test('a base that is given by its whole path is named from the folder of the overlay', () => {
  const cwd = temporaryFolder();
  kexportOk(cwd, 'qcow2', full, '-o', 'base.qcow2');
  kexportOk(cwd, 'qcow2', increment, '--backing-file', join(cwd, 'base.qcow2'), '-o', 'top.qcow2');
  const facts = kexport(['info', 'top.qcow2', '--json'], { cwd }).stdout;
  expect(JSON.parse(facts)).toMatchObject({ backing: { file: 'base.qcow2' } });
  expect(kexport(['verify', 'top.qcow2', '--allow-backing', '-q'], { cwd }).status).toBe(0);
});

test.each([
  ['a folder', '.', /\. is neither a file nor a block device/],
  ['a pipe', '<(cat a.raw)', /is neither a file nor a block device/],
  ['a stream', 'a.zfs', /a.zfs is a zfs send stream, not an image .*kexport qcow2 a.zfs/],
  [
    'a vmdk',
    'a.vmdk',
    /a.vmdk is a vmdk: the base of an overlay must be qcow2 or raw \(--flatten /,
  ],
  ['a disk in a gzip file', 'a.raw.gz', /a.raw.gz is not a raw disk: it begins like a gzip file/],
  [
    'a qcow2 without that extension',
    'nameless',
    /begins like a qcow2 image \(the base of an increment is read as qcow2/,
  ],
])('--backing-file refuses %s with one line, and leaves nothing', (_, base, message) => {
  const before = readdirSync(folder);
  const line = `kexport qcow2 ${increment} --backing-file ${base} -o upon.qcow2 -q`;
  const { status, stderr } = shell(line, folder);
  expect(status).toBe(1);
  expect(stderr).toMatch(message);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(readdirSync(folder)).toEqual(before);
});

describe('an increment that cannot be used', () => {
  test.each([
    ['qcow2', '--backing-file'],
    ['raw', '--flatten'],
  ])('does not replace its base: %s %s', (format, option) => {
    const cwd = temporaryFolder();
    const base = `base.${format}`;
    kexportOk(cwd, format, full, '-o', base);
    const before = sha256Of(join(cwd, base));
    const { stderr } = kexport([format, increment, option, base, '-o', base, '--force'], { cwd });
    expect(stderr).toContain(`${base} is the backing file of the increment`);
    expect(sha256Of(join(cwd, base))).toBe(before);
    expect(readdirSync(cwd)).toEqual([base]);
  });

  test.each<[string, string[], number, RegExp]>([
    [
      'on the image of another snapshot',
      ['qcow2', increment, '--backing-file', 'other.qcow2'],
      1,
      /is the disk of the snapshot with the guid [0-9a-f]+, .* starts from 13e96ac4d37511b2/,
    ],
    [
      'flattened with the image of another snapshot',
      ['raw', increment, '--flatten', 'other.qcow2'],
      1,
      /is the disk of the snapshot with the guid|is not a raw disk/,
    ],
    [
      'in a format without a backing file',
      ['raw', increment, '--backing-file', 'other.qcow2'],
      2,
      /--backing-file is for qcow2 alone/,
    ],
    [
      'on a missing image',
      ['qcow2', increment, '--backing-file', 'missing.qcow2'],
      1,
      /cannot open missing.qcow2/,
    ],
    [
      'that is a full stream',
      ['qcow2', full, '--backing-file', 'other.qcow2'],
      2,
      /is a full stream|is the disk of/,
    ],
    [
      'without a base',
      ['qcow2', increment],
      1,
      /is incremental: tank\/grow@b .*--backing-file BASE/,
    ],
  ])('%s is refused, and leaves nothing', (_, args, status, message) => {
    const cwd = temporaryFolder();
    kexportOk(cwd, 'qcow2', fixture('empty-full'), '-o', 'other.qcow2');
    const outcome = kexport([...args, '--name', 'x'], { cwd });
    expect(outcome.stderr).toMatch(message);
    expect(outcome.stderr.trim().split('\n')).toHaveLength(1);
    expect(readdirSync(cwd)).toEqual(['other.qcow2']);
    expect(outcome.status).toBe(status);
  });

  test('that is damaged is refused, and leaves nothing', () => {
    const cwd = temporaryFolder();
    const bytes = readFileSync(increment);
    bytes[bytes.length - 2000]! ^= 1;
    writeFileSync(join(cwd, 'stream'), bytes);
    kexportOk(cwd, 'qcow2', full, '-o', 'base.qcow2');
    const { stderr } = kexport(['qcow2', 'stream', '--backing-file', 'base.qcow2', '-o', 'x'], {
      cwd,
    });
    expect(stderr).toMatch(/has a wrong checksum/);
    expect(readdirSync(cwd)).toEqual(['base.qcow2', 'stream']);
  });
});
