import * as zlib from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { Encoding } from '../../formats/index.ts';
import { openCompressor } from '../../dist/src/compress/open-compressor.js'; // its wasm is built
import { COMPRESSED_SLACK } from '../../src/workers/slab.ts';
import { documentedCompressor, zlibCompressor } from '../../src/compress/zlib.ts';
import { noise, text } from '../support/disks.ts';

const BLOCK = 65_536;
const BLOCKS = {
  text: text(BLOCK),
  noise: noise(BLOCK),
  'a single byte': Buffer.alloc(BLOCK, 7),
  'text that ends in noise': Buffer.concat([text(BLOCK / 2, 2), noise(BLOCK / 2, 3)]),
};

function packed(compressor: { compress(i: Buffer, o: Buffer): number }, block: Buffer): Buffer {
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
            zlib.inflateSync(packed(compressor, block), { windowBits: bits }).equals(block),
          ).toBe(true);
        }
      },
    );
  });

  test('keeps every match within a window of 4 KiB', async () => {
    const encoding: Encoding = { kind: 'zlib', windowBits: 12, level: 9 };
    const compressor = await openCompressor(encoding, name);
    const far = Buffer.concat([noise(5000), noise(5000), Buffer.alloc(BLOCK - 10_000)]);
    // Output in small pieces makes inflate look back into its window rather than into what it has written.
    const inflate = zlib.createInflate({ windowBits: 12, chunkSize: zlib.constants.Z_MIN_CHUNK });
    inflate.end(packed(compressor, far));
    expect(Buffer.concat(await inflate.toArray()).equals(far)).toBe(true);
  });

  test('grows noise by less than VMDK readers allow', async () => {
    const compressor = await openCompressor({ kind: 'zlib', windowBits: 15, level: 6 }, name);
    expect(packed(compressor, BLOCKS.noise).length).toBeLessThanOrEqual(66_036);
  });

  test('gives the same bytes whatever it compressed before', async () => {
    const encoding: Encoding = { kind: 'zlib', windowBits: 12, level: 6 };
    const used = await openCompressor(encoding, name);
    for (const block of [BLOCKS.noise, BLOCKS.text, BLOCKS['a single byte'], BLOCKS.text]) {
      const fresh = await openCompressor(encoding, name);
      expect(packed(used, block).equals(packed(fresh, block))).toBe(true);
    }
  });
});

test('zlib by its handle gives the bytes of its documented calls', () => {
  const encoding = { kind: 'zlib', windowBits: 12, level: 6 } as const;
  for (const block of Object.values(BLOCKS)) {
    const documented = documentedCompressor(zlib, { windowBits: 12, level: 6, memLevel: 8 });
    expect(packed(zlibCompressor(zlib, encoding), block).equals(packed(documented, block))).toBe(
      true,
    );
  }
});

test('zlib runs by its handle on this Node', () => {
  const compressor = zlibCompressor(zlib, { kind: 'zlib', windowBits: 12, level: 6 });
  expect(() => compressor.compress(BLOCKS.noise, Buffer.alloc(1000))).toThrow('out of output');
});
