// `kexport info` and `kexport verify` of zfs send streams.

import { copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { sharedFolder, temporaryFolder } from '../support/folder.ts';
import { kexport, shell } from '../support/kexport.ts';
import { fixture } from '../support/send-streams.ts';

const MIB = 2 ** 20;

describe('kexport info of a send stream', () => {
  test('shows of each stream in a package what zfs and zstream show', () => {
    const { status, stdout } = kexport(['info', fixture('grow-R'), '--json']);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      format: 'zfs-send',
      streams: [
        { snapshot: 'tank/grow@a', guid: '13e96ac4d37511b2', blockSize: 16_384 },
        { snapshot: 'tank/grow@b', fromGuid: '13e96ac4d37511b2', volumeSize: 24 * MIB },
        { snapshot: 'tank/grow@c', guid: 'ec812e1586d847c', volumeSize: 8 * MIB },
      ],
    });
  });

  test.each([
    ['of a file', `kexport info ${fixture('lz4-16k-inc-c')}`],
    ['of standard input', `cat ${fixture('lz4-16k-inc-c')} | kexport info -`],
    ['as --from says', `kexport info --from zfs-send <(cat ${fixture('lz4-16k-inc-c')})`],
  ])('prints a line for each fact, %s', (_, line) => {
    const { status, stdout, stderr } = shell(line, '.');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^image: .*\nformat: +zfs send stream\n\nsnapshot: +tank\/lz4k16@b\n/);
    expect(stdout).toMatch(/\nincremental from: +cc23f47[0-9a-f]+\n/);
    expect(stdout).toMatch(/\nblock size: +16.0 KiB \(16384 bytes\)\n/);
    expect(stdout).toMatch(/\ncompression: +lz4.*\nfeatures: +.*lz4/);
  });

  test.each(['info', 'verify'])('looks into a gzip file, as kexport %s does', (command) => {
    const cwd = temporaryFolder();
    const line = `gzip -c ${fixture('lz4-16k-inc-c')} > inc.zfs.gz && kexport ${command} inc.zfs.gz`;
    const { status, stdout } = shell(line, cwd);
    expect(status).toBe(0);
    expect(stdout).toMatch(/tank\/lz4k16@b/);
  });

  test('shows a stream even if it holds no disk', () => {
    const { status, stdout } = kexport(['info', fixture('neg-filesystem')]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/\nof a: +file system\n/);
  });

  test.each([
    [
      'what is not a stream',
      'echo no stream | kexport info -',
      /standard input: not a zfs send stream/,
    ],
    [
      'a stream that is cut off',
      `head -c 5000 ${fixture('grow-R')} | kexport info -`,
      /standard input: the stream ends early/,
    ],
  ])('fails for %s', (_, line, message) => {
    const { status, stdout, stderr } = shell(line, '.');
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(message);
  });
});

describe('kexport verify of a send stream', () => {
  const folder = sharedFolder();
  const verify = (...args: string[]) => kexport(['verify', ...args], { cwd: folder });

  beforeAll(() => {
    const made = kexport(['raw', fixture('grow-full-a'), '-o', 'a.raw'], { cwd: folder });
    expect(made.status).toBe(0);
    const bytes = readFileSync(fixture('grow-full-a'));
    bytes[bytes.length - 2000]! ^= 1;
    writeFileSync(join(folder, 'flipped'), bytes);
    copyFileSync(fixture('grow-full-a'), join(folder, 'cut'));
    truncateSync(join(folder, 'cut'), bytes.length - 312); // its END record
    writeFileSync(join(folder, 'text'), 'no stream');
    const disk = readFileSync(join(folder, 'a.raw'));
    disk[MIB] = disk[MIB]! ^ 1;
    writeFileSync(join(folder, 'other.raw'), disk);
  });

  const readable = 'can be read';
  test.each([
    ['grow-full-a', `tank/grow@a ${readable}`],
    ['grow-inc-b', `tank/grow@b ${readable}`],
    ['grow-R', `tank/grow@a, tank/grow@b, tank/grow@c ${readable}`],
    ['zstd-16k-full-ec', readable],
    [
      'neg-filesystem',
      'tank/tree/fs@a can be read, but no disk can be made of it: the stream of tank/tree/fs@a is that of a file system, not of a volume',
    ],
  ])('finds nothing wrong with %s', (name, found) => {
    const { status, stdout } = verify(fixture(name));
    expect(status).toBe(0);
    expect(stdout).toContain(': sound, all of the stream of tank');
    expect(stdout).toMatch(new RegExp(`${found}\n$`));
  });

  test.each([
    ['flipped', /^error: flipped: the record at byte \d+ has a wrong checksum/],
    ['cut', /^error: cut: the stream ends early, at byte \d+, .*without an END record/],
  ])('reports a damaged one with status 1: %s', (name, message) => {
    const { status, stdout } = verify(name);
    expect(status).toBe(1);
    expect(stdout).toMatch(message);
    const compared = verify(name, '--against', 'a.raw', '--json');
    expect(compared.status).toBe(1);
    expect(JSON.parse(compared.stdout)).toMatchObject({ sound: false, problemCount: 1 });
  });

  test('compares the disk that it makes', () => {
    const same = verify(fixture('grow-full-a'), '--against', 'a.raw');
    expect(same).toMatchObject({ status: 0, stderr: '' });
    expect(same.stdout).toMatch(/all 16777216 bytes .*, and the same disk as a.raw/);
    const other = verify(fixture('grow-full-a'), '--against', 'other.raw');
    expect(other.stdout).toMatch(/the disk differs from other.raw at byte 1048576/);
    expect(other.status).toBe(1);
  });

  test.each([
    ['what is not a stream', ['text', '--from', 'zfs-send'], /text: not a zfs send stream/],
    ['a missing file', ['gone', '--from', 'zfs-send'], /cannot open gone/],
    [
      'the raw stream of encrypted data',
      [fixture('neg-encrypted-w')],
      /is raw: its blocks are encrypted .*send it without -w/,
    ],
    [
      'what is not a stream, with --against',
      ['text', '--from', 'zfs-send', '--against', 'a.raw'],
      /text: not a zfs send stream/,
    ],
    [
      'a disk, with --against',
      ['a.raw', '--from', 'zfs-send', '--against', 'a.raw'],
      /a.raw: not a zfs send stream: .* decompress it first/,
    ],
    [
      'an increment, with --against',
      [fixture('grow-inc-b'), '--against', 'a.raw'],
      /is incremental: tank\/grow@b/,
    ],
  ])('ends with status 3 for %s', (_, args, message) => {
    const { status, stderr } = verify(...args);
    expect(status).toBe(3);
    expect(stderr).toMatch(message);
  });
});
