// What an increment is put upon: --flatten reads any disk, --backing names a qcow2 or a raw one.

import { copyFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { sharedFolder } from '../support/folder.ts';
import { kexport, shell } from '../support/kexport.ts';
import { run } from '../support/peers.ts';
import { fixture, STREAMS } from '../support/send-streams.ts';

const [full, increment] = [fixture('grow-full-a'), fixture('grow-inc-b')];
const sum = STREAMS.find(({ name }) => name === 'grow-inc-b')!.rawSha256!;
const folder = sharedFolder();

beforeAll(() => {
  const made = kexport(['raw,qcow2,vmdk', full, '--name', 'a', '-q'], { cwd: folder });
  expect(made).toMatchObject({ status: 0 });
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
    ['another increment', flat(increment), /is incremental: tank\/grow@b/],
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
  ['a folder', '.', /\. is no file and no device/],
  ['a pipe', '<(cat a.raw)', /is no file and no device/],
  ['a stream', 'a.zfs', /a.zfs is a zfs send stream, not an image .*kexport qcow2 a.zfs/],
  ['a vmdk', 'a.vmdk', /a.vmdk is a vmdk: an image goes upon qcow2 or raw \(--flatten /],
  ['a packed disk', 'a.raw.gz', /a.raw.gz is not a raw disk: it begins like a gzip file/],
  [
    'a qcow2 that is not called so',
    'nameless',
    /begins like a qcow2 image \(what is below .* if it is called .qcow2/,
  ],
])('--backing refuses %s with one line, and leaves nothing', (_, base, message) => {
  const before = readdirSync(folder);
  const line = `kexport qcow2 ${increment} --backing ${base} -o upon.qcow2 -q`;
  const { status, stderr } = shell(line, folder);
  expect(status).toBe(1);
  expect(stderr).toMatch(message);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(readdirSync(folder)).toEqual(before);
});
