// `--incremental-from`, with a zfs that answers as the real one and prints a real stream.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { kexport } from '../support/kexport.ts';
import { checkQcow2, describeWith, run } from '../support/peers.ts';
import { fixture, STREAMS } from '../support/send-streams.ts';

const GET = `type\\tsnapshot\\nvolsize\\t25165824\\nkeystatus\\t-\\nencryptionroot\\t-\\nvolmode\\t-\\n`;

/** A folder with the image below, and one for PATH whose zfs sends what `send` prints and notes what it was asked. */
function withZfs(send: string) {
  const cwd = temporaryFolder();
  const bin = temporaryFolder();
  const script = `#!/bin/bash
echo "$*" >> ${join(bin, 'asked')}
case $1 in
  get) printf '${GET}' ;;
  send) ${send} ;;
  *) echo "not expected: $*" >&2; exit 99 ;;
esac
`;
  writeFileSync(join(bin, 'zfs'), script, { mode: 0o755 });
  const made = kexport(['qcow2,raw', fixture('grow-full-a'), '--name', 'a', '-q'], { cwd });
  expect(made.status).toBe(0);
  return {
    cwd,
    asked: () => readFileSync(join(bin, 'asked'), 'utf8'),
    kexport: (...args: string[]) =>
      kexport(args, { cwd, env: { PATH: `${bin}:${process.env['PATH'] ?? ''}` } }),
  };
}

const SEND = `cat ${fixture('grow-inc-b')}`;
const FROM_A = ['tank/grow@b', '--incremental-from', '@a'];

describeWith(['qemu-img'], 'a pair of snapshots', () => {
  const sum = STREAMS.find(({ name }) => name === 'grow-inc-b')!.rawSha256;
  const sha256 = (path: string) => run('sha256sum', path).slice(0, 64);

  test('is sent by zfs, and becomes an image upon that of the first', () => {
    const zfs = withZfs(SEND);
    const made = zfs.kexport(
      'qcow2',
      ...FROM_A,
      '--backing-file',
      'a.qcow2',
      '-o',
      'b.qcow2',
      '-q',
    );
    expect(made).toMatchObject({ status: 0, stderr: '' });
    expect(zfs.asked()).toMatch(/^send -L -c -e -i tank\/grow@a tank\/grow@b$/m);
    const [image, raw] = [join(zfs.cwd, 'b.qcow2'), join(zfs.cwd, 'b.raw')];
    checkQcow2(image);
    run('qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', image, raw);
    expect(sha256(raw)).toBe(sum);
  });

  test('becomes the whole disk with --flatten, also from a bookmark', () => {
    const zfs = withZfs(SEND);
    const from = ['/dev/zvol/tank/grow@b', '--incremental-from', '#a'];
    const made = zfs.kexport('raw', ...from, '--flatten', 'a.raw', '-o', 'b.raw', '-q');
    expect(made).toMatchObject({ status: 0, stderr: '' });
    expect(zfs.asked()).toMatch(/^send -L -c -e -i tank\/grow#a tank\/grow@b$/m);
    expect(sha256(join(zfs.cwd, 'b.raw'))).toBe(sum);
  });
});

describe('an increment that zfs does not send', () => {
  test.each([
    [
      'at all',
      "echo 'incremental source (@a) does not exist' >&2; exit 1",
      /^kexport: zfs send: incremental source \(@a\) does not exist\n$/,
    ],
    [
      'to its end',
      `head -c 70000 ${fixture('grow-inc-b')}; echo 'cannot send: I/O error' >&2; exit 1`,
      /^kexport: zfs send: cannot send: I\/O error\n$/,
    ],
    [
      'to its end, killed',
      `head -c 70000 ${fixture('grow-inc-b')}; kill -9 $$`,
      /zfs send: it ended/,
    ],
  ])('%s is told in its words, and leaves nothing', (_, send, message) => {
    const zfs = withZfs(send);
    for (const way of ['--backing-file', '--flatten']) {
      const { status, stderr } = zfs.kexport('qcow2', ...FROM_A, way, 'a.qcow2', '-o', 'b.qcow2');
      expect(stderr).toMatch(message);
      expect(status).toBe(1);
      expect(readdirSync(zfs.cwd).sort()).toEqual(['a.qcow2', 'a.raw']);
    }
  });
});

describe('an option in a wrong place', () => {
  const upon = ['qcow2', fixture('grow-inc-b'), '--backing-file', 'a.qcow2'];
  test.each<[string[], RegExp]>([
    [['qcow2', ...FROM_A], /needs the image of that snapshot \(.*--backing-file .*--flatten/],
    [
      ['qcow2', ...FROM_A, '--from', 'raw', '--flatten', 'a.raw'],
      /--incremental-from reads a zfs send stream, not raw/,
    ],
    [
      ['qcow2', 'tank/grow', '--incremental-from', '@a', '--backing-file', 'a.qcow2'],
      /is up to a snapshot, tank\/grow is none/,
    ],
    [
      ['qcow2', 'tank/grow@b', '--incremental-from', 'tank/x@a', '--backing-file', 'a.qcow2'],
      /tank\/x@a is no snapshot of tank\/grow/,
    ],
    [[...upon, '--from', 'raw'], /--backing-file needs a zfs send stream, not raw/],
    [[...upon, '--verify'], /--backing-file and --verify exclude each other/],
    [[...upon, '--zip'], /--zip is for raw and vhd/],
    [['qcow2', '--backing-file', 'a.qcow2'], /--backing-file needs a DISK, and none is given/],
  ])('%j is refused', (args, message) => {
    const zfs = withZfs(SEND);
    const { status, stderr } = zfs.kexport(...args, '--name', 'b');
    expect(stderr).toMatch(message);
    expect(status).toBe(2);
    expect(readdirSync(zfs.cwd).sort()).toEqual(['a.qcow2', 'a.raw']);
  });

  test('or a size that is another is refused', () => {
    const zfs = withZfs(SEND);
    const { stderr } = zfs.kexport(...upon, '--size', '16M', '--name', 'b');
    expect(stderr).toMatch(/is a disk of 25165824 bytes, --size says 16777216/);
    expect(readdirSync(zfs.cwd).sort()).toEqual(['a.qcow2', 'a.raw']);
  });
});
