// Send streams that have no disk, and damaged ones.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeSendStream } from '../../bench/make-send-stream.ts';
import { noise } from '../support/disks.ts';
import { temporaryFolder } from '../support/folder.ts';
import { kexport, shell } from '../support/kexport.ts';
import { fixture } from '../support/send-streams.ts';

describe('a stream that cannot be used', () => {
  test.each<[string, string[], RegExp]>([
    [
      'neg-filesystem',
      [],
      /the stream of tank\/tree\/fs@a is that of a file system, not of a volume/,
    ],
    ['neg-encrypted-w', [], /is raw: its blocks are encrypted .*send it without -w/],
    ['neg-resume-t', [], /is the rest of an interrupted stream/],
    ['neg-saved', [], /the stream of tank\/lz4k16@a is partial: it has no volume size/],
    [
      'lz4-16k-inc-c',
      [],
      /is incremental: tank\/lz4k16@b starts from the snapshot with the guid cc23f47/,
    ],
    ['enc-plain', ['--size', '8M'], /is a disk of 16777216 bytes, --size says 8388608/],
    [
      'enc-plain',
      ['--stream-volume', 'tank/other'],
      /the stream is of the volume tank\/enc, not tank\/other/,
    ],
    ['enc-plain', ['--stream-snapshot', 'z'], /the stream is of the snapshot tank\/enc@a, not z/],
    [
      'tree-Rc',
      [],
      /has the volumes tank\/tree\/v. and tank\/tree\/v. \(name one with --stream-volume\)/,
    ],
    ['tree-Rc', ['--stream-volume', 'tank/tree/fs'], /is that of a file system/],
    [
      'tree-Rc',
      ['--stream-volume', 'tank/v1'],
      /has no volume tank\/v1; it has tank\/tree, tank\/tree\/fs,/,
    ],
    ['grow-R', ['--stream-snapshot', 'z'], /has no snapshot z of tank\/grow; it has a, b, c/],
  ])('is refused with one line, and leaves nothing: %s %j', (name, options, message) => {
    const cwd = temporaryFolder();
    const { status, stderr } = kexport(['qcow2,raw', fixture(name), ...options], { cwd });
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(status).toBe(1);
    expect(readdirSync(cwd)).toEqual([]);
  });

  test('is refused if it is cut off, and leaves nothing', () => {
    const cwd = temporaryFolder();
    const line = `head -c 200000 ${fixture('mixed-16k-full-c')} | kexport all - --name x -q`;
    const { status, stderr } = shell(line, cwd);
    expect(stderr).toBe(
      'kexport: standard input: the stream ends early, at byte 200000, within a record\n',
    );
    expect(status).toBe(1);
    expect(readdirSync(cwd)).toEqual([]);
  });

  test('is refused if it is damaged, and leaves nothing', () => {
    const cwd = temporaryFolder();
    const bytes = readFileSync(fixture('mixed-16k-full-c'));
    bytes[150_000]! ^= 1;
    writeFileSync(join(cwd, 'stream'), bytes);
    const { status, stderr } = kexport(['qcow2', 'stream', '-o', 'x.qcow2', '-q'], { cwd });
    expect(stderr).toMatch(/^kexport: stream: the record at byte \d+ has a wrong checksum/);
    expect(status).toBe(1);
    expect(readdirSync(cwd)).toEqual(['stream']);
  });
});

describe('a block of zstd', () => {
  /**
   * A raw block in a frame without a size, after ZFS's header: the length, then version and level.
   */
  const compressed = (content: Buffer) => {
    const head = Buffer.alloc(8);
    const frame = Buffer.from([
      0,
      0x28,
      ((content.length << 3) | 1) & 0xff,
      content.length >> 5,
      0,
    ]);
    head.writeUInt32BE(frame.length + content.length);
    return Buffer.concat([head, frame, content, Buffer.alloc(1024)]).subarray(0, 1024);
  };
  const streamOf = (content: Buffer) => {
    const blocks = [{ diskOffset: 0, bytes: compressed(content), compression: 16, length: 512 }];
    const whole = { volumeSize: 512, blockSize: 512, blocks, features: 1n << 25n };
    return Buffer.concat([...makeSendStream(whole)]);
  };

  test('is decompressed if it gives the right number of bytes', () => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, 'stream'), streamOf(noise(512)));
    expect(kexport(['raw', 'stream', '-o', 'x.raw', '-q'], { cwd })).toMatchObject({ status: 0 });
    expect(readFileSync(join(cwd, 'x.raw')).equals(noise(512))).toBe(true);
  });

  test.each([0, 500, 516])('is damaged if it gives %i bytes instead of 512', (length) => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, 'stream'), streamOf(noise(length)));
    const { status, stderr } = kexport(['raw', 'stream', '-o', 'x.raw', '-q'], { cwd });
    expect(stderr).toMatch(/a bad block for byte 0 of the disk: the zstd data is damaged/);
    expect(status).toBe(1);
    expect(readdirSync(cwd)).toEqual(['stream']);
  });
});
