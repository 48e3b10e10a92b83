// What an increment is put upon: --flatten reads any disk, --backing-file names a qcow2 or a raw
// one.

import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { sharedFolder, temporaryFolder } from '../support/folder.ts';
import { kexport, shell } from '../support/kexport.ts';
import { run } from '../support/peers.ts';
import { fixture, STREAMS } from '../support/send-streams.ts';

const [full, increment] = [fixture('grow-full-a'), fixture('grow-inc-b')];
const sum = STREAMS.find(({ name }) => name === 'grow-inc-b')!.rawSha256!;
const folder = sharedFolder();

/** Runs the command, which must succeed. */
function make(cwd: string, ...args: string[]): void {
  expect(kexport([...args, '-q'], { cwd })).toMatchObject({ status: 0 });
}

function sha256(path: string): string {
  return run('sha256sum', path).slice(0, 64);
}

beforeAll(() => {
  make(folder, 'raw,qcow2,vmdk', full, '--name', 'a');
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
    ['a raw disk that is packed', flat('a.raw.gz')],
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
      /empty-full.zfs is the disk of the snapshot of guid .* builds upon 13e96ac4d37511b2/,
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

test.each([
  ['a folder', '.', /\. is neither a file nor a block device/],
  ['a pipe', '<(cat a.raw)', /is neither a file nor a block device/],
  ['a stream', 'a.zfs', /a.zfs is a zfs send stream, not an image .*kexport qcow2 a.zfs/],
  ['a vmdk', 'a.vmdk', /a.vmdk is a vmdk: an image goes upon qcow2 or raw \(--flatten /],
  ['a packed disk', 'a.raw.gz', /a.raw.gz is not a raw disk: it begins like a gzip file/],
  [
    'a qcow2 that is not called so',
    'nameless',
    /begins like a qcow2 image \(what is below .* if it is called .qcow2/,
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
  ])('as %s %s replaces no image that it builds upon', (format, option) => {
    const cwd = temporaryFolder();
    const base = `base.${format}`;
    make(cwd, format, full, '-o', base);
    const before = sha256(join(cwd, base));
    const { stderr } = kexport([format, increment, option, base, '-o', base, '--force'], { cwd });
    expect(stderr).toContain(`${base} is the image below the increment`);
    expect(sha256(join(cwd, base))).toBe(before);
    expect(readdirSync(cwd)).toEqual([base]);
  });

  test.each<[string, string[], number, RegExp]>([
    [
      'upon another snapshot',
      ['qcow2', increment, '--backing-file', 'other.qcow2'],
      1,
      /is the disk of the snapshot of guid [0-9a-f]+, .* builds upon 13e96ac4d37511b2/,
    ],
    [
      'flattened with another snapshot',
      ['raw', increment, '--flatten', 'other.qcow2'],
      1,
      /is the disk of the snapshot of guid|is not a raw disk/,
    ],
    [
      'in a format without a backing file',
      ['raw', increment, '--backing-file', 'other.qcow2'],
      2,
      /--backing-file is for qcow2 alone/,
    ],
    [
      'upon nothing',
      ['qcow2', increment, '--backing-file', 'missing.qcow2'],
      1,
      /cannot open missing.qcow2/,
    ],
    [
      'since it is a full stream',
      ['qcow2', full, '--backing-file', 'other.qcow2'],
      2,
      /is a full stream|is the disk of/,
    ],
    ['by itself', ['qcow2', increment], 1, /is incremental: tank\/grow@b .*--backing-file BASE/],
  ])('%s is refused, and leaves nothing', (_, args, status, message) => {
    const cwd = temporaryFolder();
    make(cwd, 'qcow2', fixture('empty-full'), '-o', 'other.qcow2');
    const outcome = kexport([...args, '--name', 'x'], { cwd });
    expect(outcome.stderr).toMatch(message);
    expect(outcome.stderr.trim().split('\n')).toHaveLength(1);
    expect(readdirSync(cwd)).toEqual(['other.qcow2']);
    expect(outcome.status).toBe(status);
  });

  test('since it is damaged is refused, and leaves nothing', () => {
    const cwd = temporaryFolder();
    const bytes = readFileSync(increment);
    bytes[bytes.length - 2000]! ^= 1;
    writeFileSync(join(cwd, 'stream'), bytes);
    make(cwd, 'qcow2', full, '-o', 'base.qcow2');
    const { stderr } = kexport(['qcow2', 'stream', '--backing-file', 'base.qcow2', '-o', 'x'], {
      cwd,
    });
    expect(stderr).toMatch(/has a wrong checksum/);
    expect(readdirSync(cwd)).toEqual(['base.qcow2', 'stream']);
  });
});
