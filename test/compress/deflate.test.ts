import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync, inflateSync } from 'node:zlib';
import fc from 'fast-check';
import { inflate as pakoInflate } from 'pako';
import { describe, expect, test } from 'vitest';
import { importBuilt } from '../support/built.ts';
import { noise } from '../support/disks.ts';
import { PYTHON, testWith } from '../support/peers.ts';
import { TOP } from '../support/project.ts';
import { walk } from './deflate-walker.ts';

const { deflateCompressor, DEFLATE_SLACK } = await importBuilt<
  typeof import('../../src/compress/deflate/index.ts')
>('src/compress/deflate/index.ts');

const BLOCK = 65_536;
const LEVELS = [1, 2, 3, 4, 5, 6, 7, 8, 9];
const WINDOWS = [12, 15] as const;
const ENCODINGS = WINDOWS.flatMap((windowBits) =>
  LEVELS.map((level) => ({ kind: 'zlib', windowBits, level }) as const),
);

/** Blocks of Node's own program, and one of text. */
function realBlocks(): [string, Buffer][] {
  const lock = readFileSync(join(TOP, 'package-lock.json'));
  const blocks: [string, Buffer][] = [['text', lock.subarray(0, BLOCK)]];
  const file = openSync(process.execPath, 'r');
  for (let i = 0; i < 16; i++) {
    const block = Buffer.alloc(BLOCK);
    readSync(file, block, 0, BLOCK, i * 5_000_000);
    blocks.push([`binary at ${i * 5} MB`, block]);
  }
  closeSync(file);
  return blocks;
}

const real = realBlocks();
const inputs: [string, Buffer][] = [
  ...[0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31].map((length): [string, Buffer] => [
    `${length} bytes`,
    noise(length),
  ]),
  ...[4, 8, 9, 300, BLOCK - 1, BLOCK].map((length): [string, Buffer] => [
    `${length} times the same byte`,
    Buffer.alloc(length, 0x41),
  ]),
  ['zeros', Buffer.alloc(BLOCK)],
  ['one byte after zeros', Buffer.concat([Buffer.alloc(BLOCK - 1), Buffer.of(1)])],
  ['two symbols', Buffer.from(noise(BLOCK).map((byte) => byte & 1))],
  ['two symbols in turn', Buffer.alloc(BLOCK, 'ab')],
  ['each byte once', Buffer.from(Array.from({ length: 256 }, (_, i) => i))],
  ['16 symbols', Buffer.from(noise(BLOCK).map((byte) => byte & 15))],
  [
    'symbols of very unequal frequency',
    Buffer.from(noise(BLOCK).map((byte) => 31 - Math.clz32(byte * byte * byte))),
  ],
  ['noise', noise(BLOCK)],
  ['noise, one byte short', noise(BLOCK - 1)],
  [
    'noise between zeros',
    Buffer.concat([Buffer.alloc(20_000), noise(25_536), Buffer.alloc(20_000)]),
  ],
  [
    'noise in stripes',
    Buffer.concat(
      Array.from({ length: 64 }, (_, i) => (i % 2 ? noise(1024, i) : Buffer.alloc(1024, i))),
    ),
  ],
  ['the same noise again and again', Buffer.concat(Array.from({ length: 16 }, () => noise(4096)))],
  ...real,
];

/** Compresses with a new compressor. */
async function deflated(
  encoding: (typeof ENCODINGS)[number],
  input: Uint8Array,
): Promise<Uint8Array> {
  const output = Buffer.alloc(BLOCK + DEFLATE_SLACK);
  return output.subarray(0, (await deflateCompressor(encoding)).compress(input, output));
}

/** The compressed size of all real blocks, in bytes. */
async function sizeOfReal(encoding: (typeof ENCODINGS)[number]): Promise<number> {
  let sum = 0;
  for (const [, input] of real) sum += (await deflated(encoding, input)).length;
  return sum;
}

describe.each(ENCODINGS)(
  'deflate with a window of $windowBits bits at level $level',
  async (encoding) => {
    const output = Buffer.alloc(BLOCK + DEFLATE_SLACK);
    const compressor = await deflateCompressor(encoding);
    const compress = (input: Uint8Array) => output.subarray(0, compressor.compress(input, output));

    test.each(inputs)('gives %s back, with matches within the window', (_, input) => {
      const packed = compress(input);
      expect(inflateSync(packed).equals(input)).toBe(true);
      expect(Buffer.from(pakoInflate(packed)).equals(input)).toBe(true);
      const { bytes, windowBits, farthest } = walk(packed);
      expect(bytes.equals(input)).toBe(true);
      expect(windowBits).toBe(encoding.windowBits);
      expect(farthest).toBeLessThanOrEqual(1 << encoding.windowBits);
    });

    test('gives the same bytes whatever was compressed before', async () => {
      for (const [, input] of inputs) {
        const first = await deflated(encoding, input);
        expect(compress(input).equals(first)).toBe(true);
      }
    });

    test('compresses noise with something in it', () => {
      const bytes = noise(BLOCK);
      for (const [length, parts] of [
        [64, 100],
        [1024, 4],
      ] as const) {
        const repeated = Buffer.from(bytes);
        for (let i = 0; i < parts; i++) repeated.copy(repeated, i * 600, 62_000, 62_000 + length);
        expect(compress(repeated).length).toBeLessThan(BLOCK - (length * parts) / 4);
      }
      const text = Buffer.from(bytes);
      text.fill('as good as any other text ', 30_000, 34_000);
      expect(compress(text).length).toBeLessThan(BLOCK - 3000);
    });

    test('grows noise by no more than a header, two stored blocks and a checksum', () => {
      expect(compress(noise(BLOCK)).length).toBe(BLOCK + 2 + 2 * 5 + 4);
    });

    test.runIf(encoding.level > 1)('reaches back to the end of the window and no farther', () => {
      const size = 1 << encoding.windowBits;
      expect(walk(compress(Buffer.concat([noise(size), noise(size)]))).farthest).toBe(size);
      const beyond = noise(Math.min(size + 1, BLOCK - 1000));
      const copied = Buffer.concat([beyond, beyond.subarray(0, 1000)]);
      expect(walk(compress(copied)).farthest).toBeLessThan(size);
    });

    test.runIf(encoding.level > 1)('uses matches of every length', () => {
      const text = noise(600);
      for (let length = 3; length <= 258; length++) {
        // Another byte ends the match; many of it, so that the block is not stored.
        const end = Buffer.alloc(2000, (text[length] ?? 0) ^ 1);
        const input = Buffer.concat([text, text.subarray(0, length), end]);
        const { lengths, bytes } = walk(compress(input));
        expect(lengths).toContain(length);
        expect(bytes.equals(input)).toBe(true);
      }
    });

    test('gives any input back', () => {
      const piece = fc.oneof(
        fc.uint8Array({ maxLength: 400 }).map((bytes) => ({ bytes, times: 1 })),
        fc.record({ bytes: fc.uint8Array({ minLength: 1, maxLength: 20 }), times: fc.nat(900) }),
        fc.record({ seed: fc.nat(5), length: fc.nat(9000) }).map(({ seed, length }) => ({
          bytes: noise(length, seed + 1),
          times: 1,
        })),
      );
      fc.assert(
        fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
          const parts = pieces.map(({ bytes, times }) => Buffer.alloc(bytes.length * times, bytes));
          const input = Buffer.concat(parts).subarray(0, BLOCK);
          const packed = compress(input);
          expect(inflateSync(packed).equals(input)).toBe(true);
          expect(packed.length).toBeLessThanOrEqual(input.length + 16);
          const { farthest, bytes } = walk(packed);
          expect(bytes.equals(input)).toBe(true);
          expect(farthest).toBeLessThanOrEqual(1 << encoding.windowBits);
        }),
        { numRuns: 60 },
      );
    });
  },
);

describe('deflate', () => {
  testWith(['python3:zlib'], 'is read by the zlib of Python', async () => {
    const framed: Uint8Array[] = [];
    for (const encoding of ENCODINGS) {
      for (const [, input] of inputs) {
        const stream = await deflated(encoding, input);
        const length = Buffer.alloc(4);
        length.writeUInt32LE(stream.length);
        framed.push(length, stream);
      }
    }
    const script = [
      'import struct, sys, zlib',
      'data = sys.stdin.buffer.read()',
      'at = 0',
      'while at < len(data):',
      '    size, = struct.unpack_from("<I", data, at)',
      '    reader = zlib.decompressobj(8 + (data[at + 4] >> 4))',
      '    sys.stdout.buffer.write(reader.decompress(data[at + 4:at + 4 + size]))',
      '    assert reader.eof and not reader.unused_data',
      '    at += 4 + size',
    ].join('\n');
    const python = spawnSync(PYTHON, ['-c', script], {
      input: Buffer.concat(framed),
      maxBuffer: 1 << 30,
    });
    expect(python.stderr.toString()).toBe('');
    const wanted = Buffer.concat(ENCODINGS.flatMap(() => inputs.map(([, input]) => input)));
    expect(python.stdout.equals(wanted)).toBe(true);
  });

  test.each(WINDOWS)(
    'makes real blocks smaller than zlib does at level 6, with a window of %i bits',
    async (windowBits) => {
      const level = 6;
      const theirs = real
        .map(([, input]) => deflateSync(input, { windowBits, level, memLevel: 9 }).length)
        .reduce((one, other) => one + other);
      expect(await sizeOfReal({ kind: 'zlib', windowBits, level })).toBeLessThan(theirs);
    },
  );

  test('refuses more than a block', async () => {
    const compressor = await deflateCompressor({ kind: 'zlib', windowBits: 12, level: 6 });
    expect(() => compressor.compress(Buffer.alloc(BLOCK + 1), Buffer.alloc(2 * BLOCK))).toThrow(
      RangeError,
    );
  });

  test('needs no fewer bytes for all real blocks at a lower level', async () => {
    for (const windowBits of WINDOWS) {
      const totals: number[] = [];
      for (const level of LEVELS)
        totals.push(await sizeOfReal({ kind: 'zlib', windowBits, level }));
      expect(totals).toEqual(totals.toSorted((a, b) => b - a));
    }
  });
});
