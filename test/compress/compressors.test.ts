import * as zlib from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type Encoding, JOINABLE_END } from '../../formats/index.ts';
import { COMPRESSED_SLACK } from '../../src/workers/slab.ts';
import { documentedCompressor, zlibCompressor } from '../../src/compress/zlib.ts';
import { importBuilt } from '../support/built.ts';
import { noise, text } from '../support/disks.ts';

const { openCompressor } = await importBuilt<
  typeof import('../../src/compress/open-compressor.ts')
>('src/compress/open-compressor.ts');

const BLOCK = 65_536;
const BLOCKS = {
  text: text(BLOCK),
  noise: noise(BLOCK),
  'a single byte': Buffer.alloc(BLOCK, 7),
  'text that ends in noise': Buffer.concat([text(BLOCK / 2, 2), noise(BLOCK / 2, 3)]),
};

function compressed(compressor: { compress(i: Buffer, o: Buffer): number }, block: Buffer): Buffer {
  const output = Buffer.alloc(BLOCK + COMPRESSED_SLACK);
  return output.subarray(0, compressor.compress(block, output));
}

describe.each(['wasm', 'zlib', 'pako'] as const)('%s', (name) => {
  describe.each([1, 6, 9])('at level %d', (level) => {
    test.each([12, 15] as const)(
      'makes streams that inflate with a window of 2^%d',
      async (bits) => {
        const compressor = await openCompressor({ kind: 'zlib', windowBits: bits, level }, name);
        for (const block of Object.values(BLOCKS)) {
          expect(
            zlib.inflateSync(compressed(compressor, block), { windowBits: bits }).equals(block),
          ).toBe(true);
        }
      },
    );
  });

  test('makes streams that end at a byte before an empty last block, to be joined', async () => {
    const encoding: Encoding = { kind: 'zlib', windowBits: 15, level: 6, isJoinable: true };
    const compressor = await openCompressor(encoding, name);
    const blocks = Object.values(BLOCKS);
    const streams = blocks.map((block) => compressed(compressor, block));
    streams.forEach((stream, i) => expect(zlib.inflateSync(stream)).toEqual(blocks[i]));
    const joined = streams.map((stream) => stream.subarray(2, -4 - JOINABLE_END.length));
    const whole = Buffer.concat([...joined, Buffer.from(JOINABLE_END)]);
    expect(zlib.inflateRawSync(whole).equals(Buffer.concat(blocks))).toBe(true);
  });

  test('keeps every match within a window of 4 KiB', async () => {
    const encoding: Encoding = { kind: 'zlib', windowBits: 12, level: 9 };
    const compressor = await openCompressor(encoding, name);
    const far = Buffer.concat([noise(5000), noise(5000), Buffer.alloc(BLOCK - 10_000)]);
    // Output in small pieces makes inflate look back into its window, not into what it has written.
    const inflate = zlib.createInflate({ windowBits: 12, chunkSize: zlib.constants.Z_MIN_CHUNK });
    inflate.end(compressed(compressor, far));
    expect(Buffer.concat(await inflate.toArray()).equals(far)).toBe(true);
  });

  test('grows noise by less than VMDK readers allow', async () => {
    const compressor = await openCompressor({ kind: 'zlib', windowBits: 15, level: 6 }, name);
    expect(compressed(compressor, BLOCKS.noise).length).toBeLessThanOrEqual(66_036);
  });

  test('gives the same bytes whatever it compressed before', async () => {
    const encoding: Encoding = { kind: 'zlib', windowBits: 12, level: 6 };
    const used = await openCompressor(encoding, name);
    for (const block of [BLOCKS.noise, BLOCKS.text, BLOCKS['a single byte'], BLOCKS.text]) {
      const fresh = await openCompressor(encoding, name);
      expect(compressed(used, block).equals(compressed(fresh, block))).toBe(true);
    }
  });
});

test.each([false, true])(
  'zlib gives the same bytes by its handle as by its documented calls: joinable %s',
  (isJoinable) => {
    const options = { windowBits: 12, level: 6 } as const;
    for (const block of Object.values(BLOCKS)) {
      const documented = documentedCompressor(zlib, { ...options, memLevel: 8 }, isJoinable);
      const byHandle = zlibCompressor(zlib, { kind: 'zlib', ...options, isJoinable });
      expect(compressed(byHandle, block).equals(compressed(documented, block))).toBe(true);
    }
  },
);

test('zlib runs by its handle on this version of Node', () => {
  const compressor = zlibCompressor(zlib, { kind: 'zlib', windowBits: 12, level: 6 });
  expect(() => compressor.compress(BLOCKS.noise, Buffer.alloc(1000))).toThrow('out of output');
});
