import { describe, expect, test } from 'vitest';
import { readZap } from '../../../formats/zfs/zap.ts';

const BLOCK = 131_072;
const LEAF = 2n ** 63n;
const CHUNKS_AT = 48 + BLOCK / 16;

/** A large ZAP of one leaf, made of chunks. `change` changes its header before it is read. */
function zapOf(chunks: readonly Buffer[], change?: (header: Buffer) => void) {
  const header = Buffer.alloc(BLOCK);
  header.writeBigUInt64LE(LEAF + 1n, 0);
  header.writeBigUInt64LE(0x2f52ab2abn, 8);
  header.writeBigUInt64LE(BigInt(chunks.length - 1), 72); // entries
  header.writeBigUInt64LE(1n, BLOCK / 2); // the table: block 1
  change?.(header);
  const leaf = Buffer.alloc(BLOCK);
  leaf.writeBigUInt64LE(LEAF, 0);
  leaf.writeUInt32LE(0x2ab1eaf, 24);
  leaf.writeUInt16LE(chunks.length - 1, 30);
  Buffer.concat(chunks).copy(leaf, CHUNKS_AT);
  const blocks = [header, leaf];
  return readZap({
    type: 0,
    bonus: Buffer.of(),
    bonusType: 0,
    blockSize: BLOCK,
    blockCount: blocks.length,
    block: (index) => Promise.resolve(blocks[index] ?? Buffer.alloc(BLOCK)),
  });
}

/** The bytes of a name, which go on in the chunk `next`. */
function arrayChunk(text: string, next: number): Buffer {
  const chunk = Buffer.alloc(24);
  chunk[0] = 251;
  chunk.write(text, 1);
  chunk.writeUInt16LE(next, 22);
  return chunk;
}

/** An entry without a value, whose name begins in chunk 0. */
function entryChunk(nameLength: number): Buffer {
  const chunk = Buffer.alloc(24);
  chunk[0] = 252;
  chunk[1] = 8;
  chunk.writeUInt16LE(nameLength, 6);
  return chunk;
}

test('the entries of a large ZAP are found by their names', async () => {
  const zap = await zapOf([arrayChunk('name', 0xffff), entryChunk(5)]);
  expect([...zap]).toEqual([['name', []]]);
});

test('entries whose names are one endless list of chunks are refused', async () => {
  const entries = Array<Buffer>(5000).fill(entryChunk(0xffff));
  await expect(zapOf([arrayChunk('x', 0), ...entries])).rejects.toThrow('arrays of a leaf overlap');
});

describe('a large ZAP', () => {
  const entries = [arrayChunk('name', 0xffff), entryChunk(5)];
  const TABLE = BLOCK / 2;
  const PER_BLOCK = BLOCK / 8;

  test('of which many entries of the table have one leaf has its entries once', async () => {
    const zap = await zapOf(entries, (header) => {
      header.writeBigUInt64LE(13n, 32);
      for (let i = 0; i < 2 ** 13; i++) header.writeBigUInt64LE(1n, TABLE + 8 * i);
    });
    expect([...zap.keys()]).toEqual(['name']);
  });

  test.each<[string, (header: Buffer) => void, string]>([
    [
      'a leaf that is its header',
      (header) => header.writeBigUInt64LE(0n, TABLE),
      'the table of a ZAP refers to a leaf past its end',
    ],
    [
      'a leaf past its end',
      (header) => header.writeBigUInt64LE(2n, TABLE),
      'the table of a ZAP refers to a leaf past its end',
    ],
    [
      'a leaf past all numbers',
      (header) => header.writeBigUInt64LE(2n ** 64n - 1n, TABLE),
      'the table of a ZAP refers to a leaf past its end',
    ],
    [
      'an entry that is not in its leaves',
      (header) => header.writeBigUInt64LE(2n, 72),
      'a ZAP has 1 entries, its header says 2',
    ],
    [
      'a table of more entries than half a block has',
      (header) => header.writeBigUInt64LE(14n, 32),
      'the table of a ZAP runs past its end',
    ],
    [
      'a table of 2^(2^64) entries',
      (header) => header.writeBigUInt64LE(2n ** 64n - 1n, 32),
      'the table of a ZAP runs past its end',
    ],
    [
      'a table past its end',
      (header) => {
        header.writeBigUInt64LE(2n, 16);
        header.writeBigUInt64LE(1n, 24);
      },
      'the table of a ZAP runs past its end',
    ],
    [
      'a table of more entries than are read',
      (header) => {
        header.writeBigUInt64LE(1n, 16);
        header.writeBigUInt64LE(2n ** 21n / BigInt(PER_BLOCK), 24);
        header.writeBigUInt64LE(21n, 32);
      },
      'the table of a ZAP runs past its end',
    ],
  ])('with %s is refused', async (_, change, message) => {
    await expect(zapOf(entries, change)).rejects.toMatchObject({
      kind: 'damaged',
      message: `zfs: ${message}`,
    });
  });

  test('with one name twice is refused', async () => {
    const twice = zapOf([...entries, entryChunk(5)]);
    await expect(twice).rejects.toThrow('a ZAP has two entries with one name');
  });
});
