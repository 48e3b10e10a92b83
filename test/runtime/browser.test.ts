// What a browser has in the place of Node's zlib and files, beside those.

import { createHash } from 'node:crypto';
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { byteStreamFrom } from '../../src/byte-streams/byte-stream-from.ts';
import type { ByteStream } from '../../src/byte-streams/byte-stream.ts';
import { fzstdHandle } from '../../src/byte-streams/fzstd-handle.ts';
import { inflatedStream as inflatedByNode } from '../../src/byte-streams/inflated.ts';
import { inflatedStream as inflatedByPako } from '../../src/byte-streams/inflated-by-pako.ts';
import { zstdFrames } from '../../formats/zstd/frames.ts';
import { memoryFile } from '../../src/runtime/memory-file.ts';
import { pakoHandle } from '../../src/runtime/pako-handle.ts';

const TEXT = Buffer.from('what a disk holds, '.repeat(40_000));
const GZIP = gzipSync(TEXT);

type Inflated = (packed: ByteStream, kind: 'gzip' | 'deflate') => ByteStream;

/** The hash of what comes out, or the kind of the error. */
async function outcome(inflated: Inflated, packed: Uint8Array, kind: 'gzip' | 'deflate') {
  const pieces = Array.from({ length: Math.ceil(packed.length / 777) }, (_, index) =>
    packed.subarray(777 * index, 777 * (index + 1)),
  );
  const stream = inflated(byteStreamFrom(new Blob(pieces), { name: 'x' }), kind);
  const hash = createHash('sha256');
  try {
    for (let piece = await stream.read(); piece; piece = await stream.read()) hash.update(piece);
    return hash.digest('hex');
  } catch (error) {
    const { message } = error as Error;
    return message.replace(/unpacked to \d+ bytes, then .*/, 'unpacked');
  } finally {
    await stream.close();
  }
}

describe('a stream that pako decompresses is that of Node', () => {
  const damaged = Buffer.from(GZIP);
  damaged.fill(0x55, GZIP.length - 40, GZIP.length - 20);
  const wrongSum = Buffer.from(GZIP);
  wrongSum.writeUInt32LE(1, GZIP.length - 8);
  test.each([
    ['one member', GZIP, 'gzip'],
    ['two members', Buffer.concat([GZIP, GZIP]), 'gzip'],
    ['raw deflate', deflateRawSync(TEXT), 'deflate'],
    ['a member that is cut off', GZIP.subarray(0, -5), 'gzip'],
    ['a damaged member', damaged, 'gzip'],
    ['a wrong checksum', wrongSum, 'gzip'],
    ['zeros behind the last member', Buffer.concat([GZIP, Buffer.alloc(9)]), 'gzip'],
    ['what is no gzip', TEXT, 'gzip'],
    ['bytes behind raw deflate', Buffer.concat([deflateRawSync(TEXT), Buffer.alloc(3)]), 'deflate'],
  ] as const)('%s', async (_, packed, kind) => {
    const expected = await outcome(inflatedByNode, packed, kind);
    expect(await outcome(inflatedByPako, packed, kind)).toBe(expected);
  });
});

test('a handle of pako fills the output, keeps its state, and reports damage', () => {
  const handle = pakoHandle('zlib');
  const reports: string[] = [];
  handle.onError((message) => reports.push(message));
  const output = new Uint8Array(TEXT.length);
  const packed = deflateSync(TEXT);
  for (let turn = 0; turn < 2; turn++) {
    handle.reset();
    expect(handle.write(4, packed, 0, output)).toEqual({ input: 0, output: 0, hasEnded: true });
    expect(TEXT.equals(output)).toBe(true);
  }
  handle.reset();
  handle.write(4, packed.subarray(0, 20), 0, output);
  handle.reset();
  handle.write(4, Buffer.from('no zlib'), 0, output);
  expect(reports).toEqual(['unexpected end of file', 'incorrect header check']);
});

/** A frame of zstd: of one block that repeats a byte, as often as it says. */
function repeated(count: number): Buffer {
  const frame = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0x48, 0, 0, 0, 0x61]); // a window of 512 KiB
  frame.writeUIntLE((count << 3) | (1 << 1) | 1, 6, 3);
  return frame;
}

test('fzstd gives what fits, and all of several frames', () => {
  const handle = fzstdHandle();
  const input = Buffer.concat([repeated(100_000), repeated(50_000), repeated(7)]);
  const output = new Uint8Array(60_000);
  let [used, given, isAtEnd] = [0, 0, false];
  for (;;) {
    const left = handle.write(0, input, used, output);
    used = input.length - left.input;
    const count = output.length - left.output;
    expect(output.subarray(0, count).every((byte) => byte === 0x61)).toBe(true);
    given += count;
    if (count === 0 && isAtEnd) break;
    if (count === 0) handle.end();
    isAtEnd = count === 0;
  }
  expect(given).toBe(150_007);
});

test('the window that a zstd file asks for is known before it is decompressed', () => {
  const frames = zstdFrames();
  frames.push(repeated(9));
  expect(frames.window).toBe(512 * 1024);
  expect(frames.isWhole()).toBe(true);
  const large = repeated(9);
  large.writeUInt8(0xff, 5);
  frames.push(large.subarray(0, 6));
  expect(frames.window).toBe(2 ** 41 + 7 * 2 ** 38);
});

test('a file in memory is a file: holes, ends, and a limit', async () => {
  const file = memoryFile(3 * 2 ** 20);
  const bytes = Buffer.from('over the edge of a chunk');
  await file.write(2 ** 20 - 5, [bytes.subarray(0, 9), bytes.subarray(9)]);
  const found = Buffer.alloc(5);
  expect(await file.read(2 ** 20 - 5, found)).toBe(5);
  expect(found.toString()).toBe('over ');
  expect(await file.read(2 ** 20, Buffer.alloc(99))).toBe(bytes.length - 5);
  await file.truncate(2 ** 20 + 2);
  await file.truncate(2 ** 21);
  const rest = Buffer.alloc(6, 1);
  expect(await file.read(2 ** 20, rest)).toBe(6);
  expect(rest.toString()).toBe('th\0\0\0\0');
  expect(await file.read(2 ** 21, rest)).toBe(0);
  await expect(async () => file.write(5 * 2 ** 20, [bytes, Buffer.alloc(2 ** 21)])).rejects.toThrow(
    /3 MiB of memory are the most/,
  );
});
