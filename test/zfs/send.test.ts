// `--incremental-from`, with a zfs that answers as the real one does and prints a stream of zfs
// send.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { kexport, kexportOk } from '../support/kexport.ts';
import { checkQcow2, describeWith, run, sha256Of } from '../support/peers.ts';
import { fixture, streamNamed } from '../support/send-streams.ts';

const GET = `type\\tsnapshot\\nvolsize\\t25165824\\nkeystatus\\t-\\nencryptionroot\\t-\\nvolmode\\t-\\n`;

/** A folder with images of the first snapshot, and a zfs in PATH that sends what `send` prints. */
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
  kexportOk(cwd, 'qcow2,raw', fixture('grow-full-a'), '--name', 'a');
  return {
    cwd,
    /** The command lines that zfs was given. */
    asked: () => readFileSync(join(bin, 'asked'), 'utf8'),
    kexport: (...args: string[]) =>
      kexport(args, { cwd, env: { PATH: `${bin}:${process.env['PATH'] ?? ''}` } }),
  };
}

const SEND = `cat ${fixture('grow-inc-b')}`;
const FROM_A = ['tank/grow@b', '--incremental-from', '@a'];

describeWith(['qemu-img'], 'a pair of snapshots', () => {
  const sum = streamNamed('grow-inc-b').rawSha256;

  test('is sent by zfs, and becomes an overlay on the image of the first', () => {
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
    expect(sha256Of(raw)).toBe(sum);
  });

  test('becomes the whole disk with --flatten, also from a bookmark', () => {
    const zfs = withZfs(SEND);
    const from = ['/dev/zvol/tank/grow@b', '--incremental-from', '#a'];
    const made = zfs.kexport('raw', ...from, '--flatten', 'a.raw', '-o', 'b.raw', '-q');
    expect(made).toMatchObject({ status: 0, stderr: '' });
    expect(zfs.asked()).toMatch(/^send -L -c -e -i tank\/grow#a tank\/grow@b$/m);
    expect(sha256Of(join(zfs.cwd, 'b.raw'))).toBe(sum);
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
  ])('%s is reported in the words of zfs, and leaves nothing', (_, send, message) => {
    const zfs = withZfs(send);
    for (const way of ['--backing-file', '--flatten']) {
      const { status, stderr } = zfs.kexport('qcow2', ...FROM_A, way, 'a.qcow2', '-o', 'b.qcow2');
      expect(stderr).toMatch(message);
      expect(status).toBe(1);
      expect(readdirSync(zfs.cwd).sort()).toEqual(['a.qcow2', 'a.raw']);
    }
  });
});

describe('an option where it makes no sense', () => {
  const overlay = ['qcow2', fixture('grow-inc-b'), '--backing-file', 'a.qcow2'];
  test.each<[string[], RegExp]>([
    [['qcow2', ...FROM_A], /needs the image of that snapshot \(.*--backing-file .*--flatten/],
    [
      ['qcow2', ...FROM_A, '--from', 'raw', '--flatten', 'a.raw'],
      /--incremental-from reads a zfs send stream, not raw/,
    ],
    [
      ['qcow2', 'tank/grow', '--incremental-from', '@a', '--backing-file', 'a.qcow2'],
      /needs a snapshot to end at, and tank\/grow is not one/,
    ],
    [
      ['qcow2', 'tank/grow@b', '--incremental-from', 'tank/x@a', '--backing-file', 'a.qcow2'],
      /tank\/x@a is not a snapshot of tank\/grow/,
    ],
    [[...overlay, '--from', 'raw'], /--backing-file needs a zfs send stream, not raw/],
    [[...overlay, '--verify'], /--backing-file and --verify exclude each other/],
    [[...overlay, '--zip'], /--zip needs the format raw or vhd/],
    [['qcow2', '--backing-file', 'a.qcow2'], /--backing-file needs a DISK, and none is given/],
  ])('%j is refused', (args, message) => {
    const zfs = withZfs(SEND);
    const { status, stderr } = zfs.kexport(...args, '--name', 'b');
    expect(stderr).toMatch(message);
    expect(status).toBe(2);
    expect(readdirSync(zfs.cwd).sort()).toEqual(['a.qcow2', 'a.raw']);
  });

  test('is refused, also another size than that of the stream', () => {
    const zfs = withZfs(SEND);
    const { stderr } = zfs.kexport(...overlay, '--size', '16M', '--name', 'b');
    expect(stderr).toMatch(/is a disk of 25165824 bytes, --size says 16777216/);
    expect(readdirSync(zfs.cwd).sort()).toEqual(['a.qcow2', 'a.raw']);
  });
});
