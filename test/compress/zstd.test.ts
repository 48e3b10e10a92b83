import * as zlib from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { BLOCK_SIZE } from '../../formats/index.ts';
import { documentedZstdCompressor, hasZstd, zstdCompressor } from '../../src/compress/zstd.ts';
import { COMPRESSED_SLACK } from '../../src/workers/slab.ts';
import { noise, text } from '../support/disks.ts';

const zstd = hasZstd(zlib) ? zlib : undefined; // tests that need it are skipped

describe.skipIf(!zstd)('the zstd of this Node', () => {
  test('gives the same bytes by its handle, block after block, as by its documented calls', () => {
    for (const level of [1, 3, 19]) {
      const kept = zstdCompressor(zstd!, { kind: 'zstd', level });
      const documented = documentedZstdCompressor(zstd!, { level });
      for (const block of [text(BLOCK_SIZE), noise(BLOCK_SIZE), text(BLOCK_SIZE, 2)]) {
        const [one, other] = [0, 0].map(() => Buffer.alloc(BLOCK_SIZE + COMPRESSED_SLACK));
        const length = kept.compress(block, one!);
        expect(documented.compress(block, other!)).toBe(length);
        expect(one!.subarray(0, length).equals(other!.subarray(0, length))).toBe(true);
      }
    }
  });

  test('runs by its handle', () => {
    const compressor = zstdCompressor(zstd!, { kind: 'zstd', level: 3 });
    expect(() => compressor.compress(noise(BLOCK_SIZE), Buffer.alloc(1000))).toThrow('zstd ran');
  });
});
