// Streams read by the format alone; test/zfs-send has whole exports of them.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makeSendStream, type MadeStream } from '../../../bench/make-send-stream.ts';
import { FormatError } from '../../../formats/index.ts';
import { fletcher4 } from '../../../formats/zfs-send/fletcher4.ts';
import { recordReader } from '../../../formats/zfs-send/record-reader.ts';
import { noise, text } from '../../support/disks.ts';
import { fixture, readDisk, STREAMS } from '../../support/send-streams.ts';

const MIB = 2 ** 20;

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function made(stream: Partial<MadeStream>): Buffer {
  const whole = { volumeSize: MIB, blockSize: 16_384, blocks: [], ...stream };
  return Buffer.concat([...makeSendStream(whole)]);
}

/** Where the records of a stream begin. */
function boundariesOf(bytes: Uint8Array): number[] {
  const records = recordReader(fletcher4());
  records.push(bytes);
  const found = [];
  for (let record = records.next(); record; record = records.next()) found.push(record.at);
  return found;
}

/** A disk, or the message of the FormatError that reading it ends with; anything else is thrown. */
function attempt(bytes: Uint8Array): Buffer | string {
  try {
    return readDisk(bytes);
  } catch (error) {
    if (error instanceof FormatError) return error.message;
    throw error;
  }
}

describe('a full stream, by JavaScript alone', () => {
  const full = STREAMS.filter(({ kind }) => kind === 'full');
  test.each(full.map((stream) => [stream.name, stream] as const))('%s is its disk', (_, stream) => {
    const disk = readDisk(readFileSync(stream.path));
    expect(disk.length).toBe(stream.volsize);
    expect(sha256(disk)).toBe(stream.rawSha256);
  });

  test.each([1, 7, 311, 313, 4096])('comes in pieces of %i bytes', (chunk) => {
    const { rawSha256 } = STREAMS.find(({ name }) => name === 'enc-plain')!;
    const bytes = readFileSync(fixture('enc-plain'));
    expect(sha256(readDisk(bytes, {}, chunk))).toBe(rawSha256);
  });
});

describe('a stream in the other byte order', () => {
  const blocks = [
    { diskOffset: 0, bytes: text(16_384) },
    { diskOffset: 65_536, bytes: noise(16_384) },
  ];

  test.each(['little', 'big'] as const)('%s-endian is the same disk', (endian) => {
    const disk = readDisk(made({ endian, blocks }));
    expect(disk.length).toBe(MIB);
    for (const { diskOffset, bytes } of blocks) {
      expect(disk.subarray(diskOffset, diskOffset + bytes.length).equals(bytes)).toBe(true);
    }
  });
});

describe('a stream that is cut off', () => {
  const whole = readFileSync(fixture('grow-full-a'));

  test('at the end of each record says that its END is missing', () => {
    const boundaries = boundariesOf(whole);
    expect(boundaries.length).toBeGreaterThan(10);
    for (const at of boundaries.slice(1)) {
      expect(attempt(whole.subarray(0, at))).toMatch(
        /^the stream ends early, .* without an END record$/,
      );
    }
  });

  test('anywhere else says that it ends within a record', () => {
    const boundaries = new Set([...boundariesOf(whole), whole.length]);
    fc.assert(
      fc.property(fc.integer({ min: 16, max: whole.length - 1 }), (length) => {
        if (boundaries.has(length)) return;
        expect(attempt(whole.subarray(0, length))).toMatch(
          /^the stream ends early, .* within a record$/,
        );
      }),
    );
  });

  test('as a package, is found out at each of its records', () => {
    const bytes = readFileSync(fixture('grow-R'));
    for (const at of boundariesOf(bytes).slice(1)) {
      expect(attempt(bytes.subarray(0, at))).toMatch(/^the stream ends early/);
    }
  });

  test('and goes on after its END is refused', () => {
    const goesOn = Buffer.concat([whole, Buffer.alloc(1)]);
    expect(attempt(goesOn)).toBe(`bytes follow the end of the stream at byte ${whole.length}`);
  });
});

describe('a bit that flips', () => {
  test.each(['grow-full-a', 'grow-R', 'lz4-16k-full-ec', 'empty-full'])(
    'is found wherever it is in %s',
    (name) => {
      const bytes = readFileSync(fixture(name));
      fc.assert(
        fc.property(fc.integer({ min: 0, max: bytes.length * 8 - 1 }), (bit) => {
          const flipped = Buffer.from(bytes);
          flipped[bit >> 3]! ^= 1 << (bit & 7);
          expect(attempt(flipped)).toBeTypeOf('string');
        }),
        { numRuns: name === 'lz4-16k-full-ec' ? 30 : 100 },
      );
    },
  );
});

describe('a stream with sound checksums', () => {
  test.each<[string, Partial<MadeStream>, RegExp]>([
    [
      'but data past the end of the volume',
      { blocks: [{ diskOffset: MIB, bytes: noise(16_384) }] },
      /^the stream has data up to byte 1064960 of a volume of 1048576 bytes$/,
    ],
    [
      'but blocks that do not ascend',
      { blocks: [8192, 0].map((diskOffset) => ({ diskOffset, bytes: noise(16_384) })) },
      /^the record at byte \d+ has a block for byte 0 after one that ends at 24576$/,
    ],
    ['but no volume size', { volumeSize: undefined }, /^the stream of \S+ is partial: /],
    [
      'but a volume of half a sector',
      { volumeSize: 256 },
      /a volume of 256 bytes, expected a multiple of 512/,
    ],
    [
      'but blocks of 17 MiB',
      { blockSize: 17 * MIB },
      /a block size of 17825792 bytes, expected .* up to 16777216$/,
    ],
    [
      'but an unknown compression',
      { blocks: [{ diskOffset: 0, bytes: noise(512), compression: 17, length: 16_384 }] },
      /the unknown compression 17$/,
    ],
    [
      'but unknown features',
      { features: 1n << 40n },
      /^the stream of \S+ uses unknown features \(bit 40\)/,
    ],
    ['but redacted', { features: 1n << 21n }, /^the stream of \S+ is redacted/],
    ['but deduplicated', { features: 1n }, /^the stream of \S+ is deduplicated/],
  ])('%s is refused', (_, stream, message) => {
    expect(attempt(made(stream))).toMatch(message);
  });

  test('but a block beyond all disks is refused', () => {
    const blocks = [{ diskOffset: 2 ** 60, bytes: noise(512) }];
    expect(attempt(made({ blocks }))).toMatch(/an offset or a length of 1152921504606846976/);
  });

  test.each([3, 5, 14, 15, 16])(
    'but noise for compression %i never ends in a crash',
    (compression) => {
      fc.assert(
        fc.property(fc.uint8Array({ minLength: 1, maxLength: 128 }), (head) => {
          const bytes = new Uint8Array(512);
          bytes.set(head);
          if (compression > 14) bytes.set([0, 0, 1, 248]);
          attempt(made({ blocks: [{ diskOffset: 0, bytes, compression, length: 16_384 }] }));
        }),
      );
    },
  );
});

test('bytes of any kind end in a disk or in a FormatError', () => {
  const start = readFileSync(fixture('empty-full'));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(start.length - 1), fc.integer({ min: 0, max: 255 })), {
        minLength: 1,
        maxLength: 20,
      }),
      (edits) => {
        const bytes = Buffer.from(start);
        for (const [at, value] of edits) bytes[at] = value;
        attempt(resummed(bytes));
      },
    ),
    { numRuns: 500 },
  );
});

/**
 * The stream without checksums, as from old senders, except for the one in END, which is corrected.
 */
function resummed(bytes: Buffer): Buffer {
  const checksum = fletcher4();
  checksum.reset('little');
  const copy = Buffer.from(bytes);
  const records = Math.floor(copy.length / 312);
  for (let at = 312; at < copy.length - 312 && records > 1;) {
    copy.fill(0, at + 280, at + 312);
    const payload = copy.readUInt32LE(at) === 3 ? 512 : 0;
    at += 312 + payload;
  }
  checksum.update(copy.subarray(0, copy.length - 312));
  const end = copy.subarray(copy.length - 312);
  checksum.value().forEach((sum, i) => end.writeBigUInt64LE(sum, 8 + 8 * i));
  end.fill(0, 280);
  return copy;
}
