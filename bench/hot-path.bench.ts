// The parts of the hot path by themselves: npx vitest bench --run (after npm run build)

import { bench, describe } from 'vitest';
import { BLOCK_SIZE, qcow2, raw } from '../formats/index.ts';
import { isZero } from '../formats/zeros.ts';
import { openCompressor } from '../dist/src/compress/open-compressor.js'; // its wasm is built
import { COMPRESSED_SLACK } from '../src/workers/slab.ts';
import { compressPool } from '../dist/src/compress/pool.js'; // its workers are, too
import { SLAB_SIZE, slabMemory, slabsIn } from '../src/workers/slab.ts';
import { text } from '../test/support/disks.ts';
import { blockOf, requestOf } from '../test/support/write-image.ts';

const ENCODING = { kind: 'zlib', windowBits: 12, level: 6 } as const;

describe('1 MiB of zeros is found to be so', () => {
  const slab = Buffer.alloc(SLAB_SIZE);
  const zeros = Buffer.alloc(SLAB_SIZE);
  bench('in one comparison', () => void slab.equals(zeros));
  bench('by words, 4 KiB at a time', () => {
    for (let at = 0; at < SLAB_SIZE; at += 4096) isZero(slab.subarray(at, at + 4096));
  });
});

describe('1 MiB of text is compressed', async () => {
  const shape = { count: 2, blocks: SLAB_SIZE / BLOCK_SIZE, blockSize: BLOCK_SIZE, encodings: 1 };
  const memory = slabMemory(shape);
  const slabs = slabsIn(memory, shape);
  for (const { input } of slabs) input.set(text(SLAB_SIZE));
  const places = Array.from({ length: shape.blocks }, (_, i) => i);
  const compressor = await openCompressor(ENCODING, 'wasm');
  const output = Buffer.alloc(BLOCK_SIZE + COMPRESSED_SLACK);
  bench('on this thread', () => {
    for (const place of places) compressor.compress(slabs[0]!.block(place), output);
  });
  const setup = { memory, shape, encodings: [ENCODING], compressor: 'wasm' } as const;
  const pool = compressPool({ ...setup, threads: 1 });
  bench('by a worker, twice', async () => {
    await Promise.all(slabs.map((slab) => pool.compress(slab, places)));
  });
});

describe('1,024 blocks of data go into nothing', () => {
  const bytes = text(BLOCK_SIZE);
  const packed = text(20_000);
  const nowhere = () => {
    let position = 0;
    return {
      get position() {
        return position;
      },
      append: (appended: Uint8Array) => void (position += appended.length),
      appendPieces: (length: number) => void (position += length),
      zeros: (count: number) => void (position += count),
      patch: () => undefined,
    };
  };
  for (const format of [qcow2(), raw()]) {
    bench(format.name, async () => {
      const writer = await format.write(requestOf(format, nowhere(), { size: 2 ** 26 }));
      for (let i = 0; i < 1024; i++) writer.add(blockOf(i, bytes, { packed }));
      writer.finish(2 ** 26);
    });
  }
});
