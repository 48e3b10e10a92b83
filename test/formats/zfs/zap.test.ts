import { expect, test } from 'vitest';
import { readZap } from '../../../formats/zfs/zap.ts';

const BLOCK = 131_072;
const LEAF = 2n ** 63n;
const CHUNKS_AT = 48 + BLOCK / 16;

/** A large ZAP of one leaf, made of chunks. */
function zapOf(chunks: readonly Buffer[]) {
  const header = Buffer.alloc(BLOCK);
  header.writeBigUInt64LE(LEAF + 1n, 0);
  header.writeBigUInt64LE(0x2f52ab2abn, 8);
  header.writeBigUInt64LE(BigInt(chunks.length - 1), 72); // entries
  header.writeBigUInt64LE(1n, BLOCK / 2); // the table: block 1
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
