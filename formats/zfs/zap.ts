// A ZAP: an object that maps names to numbers. A small one (micro) is a single block of entries. A
// large one (fat) has a header and a table of leaves; a leaf is a block of chunks, which hold
// entries and, in lists, their names and values. Values in leaves are big-endian. Source: OpenZFS,
// sys/zap_impl.h (mzap_phys_t, zap_phys_t) and sys/zap_leaf.h.

import { damaged } from './faults.ts';
import { u16, u32, u64, u8, bytes, struct, viewOf } from '../struct.ts';
import { numberAt, type PoolObject } from './pool-objects.ts';

/** Numbers by their names. */
export type Zap = ReadonlyMap<string, readonly bigint[]>;

const LEAF_BLOCK = 2n ** 63n; // ZBT_LEAF
const HEADER_BLOCK = 2n ** 63n + 1n; // ZBT_HEADER
const MICRO_BLOCK = 2n ** 63n + 3n; // ZBT_MICRO

const MICRO_ENTRY_SIZE = 64; // also of the header
const MICRO_NAME_OFFSET = 14;

const HEADER_SIZE = 104;
const header = struct('little', HEADER_SIZE, {
  blockType: [0, u64],
  magic: [8, u64],
  tableBlock: [16, u64],
  tableBlockCount: [24, u64], // 0: the table is the second half of this block
  tableShift: [32, u64], // base-2 logarithm of the number of entries
  nextTable: [40, u64], // the larger table during growth
  copiedBlocks: [48, u64],
  freeBlock: [56, u64],
  leafCount: [64, u64],
  entryCount: [72, u64],
  salt: [80, u64],
  normalization: [88, u64],
  flags: [96, u64],
});
const HEADER_MAGIC = 0x2f52ab2abn; // ZAP_MAGIC

/** Limit of this program on the entries of a table; a pool has few vdevs, logs and features. */
const MAX_TABLE = 2 ** 20;

const LEAF_HEADER_SIZE = 48;
const leafHeader = struct('little', LEAF_HEADER_SIZE, {
  blockType: [0, u64],
  padding: [8, u64],
  prefix: [16, u64],
  magic: [24, u32],
  freeCount: [28, u16],
  entryCount: [30, u16],
  prefixLength: [32, u16],
  freeList: [34, u16],
  flags: [36, u8],
  morePadding: [37, bytes(11)],
});
const LEAF_MAGIC = 0x2ab1eaf; // ZAP_LEAF_MAGIC

const CHUNK_SIZE = 24;
const ENTRY_CHUNK = 252; // ZAP_CHUNK_ENTRY
const ARRAY_CHUNK = 251; // ZAP_CHUNK_ARRAY
const ARRAY_BYTES = 21;
const entryChunk = struct('little', CHUNK_SIZE, {
  type: [0, u8],
  valueSize: [1, u8], // bytes of each number
  next: [2, u16],
  nameChunk: [4, u16],
  nameLength: [6, u16], // with the NUL at its end
  valueChunk: [8, u16],
  valueCount: [10, u16],
  differentiator: [12, u32],
  hash: [16, u64],
});

/** Reads all of a ZAP whose names are text. Rejects with a FormatError if it is damaged. */
export async function readZap(object: PoolObject): Promise<Zap> {
  const first = await object.block(0);
  const type = viewOf(first).getBigUint64(0, true);
  if (type === MICRO_BLOCK) return microEntries(first);
  if (type === HEADER_BLOCK && first.length > HEADER_SIZE) return readFat(object, first);
  throw damaged('a ZAP has no header');
}

function microEntries(block: Uint8Array): Zap {
  const entries = new Map<string, readonly bigint[]>();
  for (let at = MICRO_ENTRY_SIZE; at < block.length; at += MICRO_ENTRY_SIZE) {
    const name = text(block.subarray(at + MICRO_NAME_OFFSET, at + MICRO_ENTRY_SIZE));
    if (name !== '') entries.set(name, [viewOf(block).getBigUint64(at, true)]);
  }
  return entries;
}

async function readFat(object: PoolObject, first: Uint8Array): Promise<Zap> {
  const values = header.decode(first);
  if (values.magic !== HEADER_MAGIC) throw damaged('the header of a ZAP is damaged');
  const entries = new Map<string, readonly bigint[]>();
  for (const leaf of await leavesOf(object, values)) {
    if (leaf === 0 || leaf >= object.blockCount) {
      throw damaged('the table of a ZAP refers to a leaf past its end');
    }
    for (const [name, value] of leafEntries(await object.block(leaf))) {
      if (entries.has(name)) throw damaged('a ZAP has two entries with one name');
      entries.set(name, value);
    }
  }
  if (BigInt(entries.size) !== values.entryCount) {
    throw damaged(`a ZAP has ${entries.size} entries, its header says ${values.entryCount}`);
  }
  return entries;
}

/** Block numbers of the leaves; consecutive entries of the table can refer to the same leaf. */
async function leavesOf(
  object: PoolObject,
  { tableBlock, tableBlockCount, tableShift }: ReturnType<typeof header.decode>,
): Promise<ReadonlySet<number>> {
  const perBlock = object.blockSize / 8;
  const isInside = tableBlockCount === 0n;
  const start = isInside ? perBlock / 2 : Number(tableBlock) * perBlock;
  const end = isInside ? perBlock : start + Number(tableBlockCount) * perBlock;
  const count = 2 ** Number(tableShift);
  if (count > MAX_TABLE || count > end - start || end > object.blockCount * perBlock) {
    throw damaged('the table of a ZAP runs past its end');
  }
  const leaves = new Set<number>();
  for (let index = start; index < start + count; index++) {
    leaves.add(Number(await numberAt(object, index)));
  }
  return leaves;
}

function* leafEntries(block: Uint8Array): Generator<readonly [name: string, value: bigint[]]> {
  const { blockType, magic, entryCount } = leafHeader.decode(block);
  if (blockType !== LEAF_BLOCK || magic !== LEAF_MAGIC) {
    throw damaged('a leaf of a ZAP is damaged');
  }
  // Reading all entries does not need the hash table, 16 bits for each 32 bytes of the block.
  const chunks = block.subarray(LEAF_HEADER_SIZE + block.length / 16);
  let found = 0;
  let arrayBytes = 0;
  for (let at = 0; at + CHUNK_SIZE <= chunks.length; at += CHUNK_SIZE) {
    if (chunks[at] !== ENTRY_CHUNK) continue;
    const { valueSize, nameChunk, nameLength, valueChunk, valueCount } = entryChunk.decode(
      chunks.subarray(at),
    );
    // Each chunk is part of one array, or a list that leads to itself would be read for ever.
    arrayBytes += nameLength + valueCount * valueSize;
    if (arrayBytes > chunks.length) throw damaged('the arrays of a leaf overlap in a ZAP');
    const name = text(arrayAt(chunks, nameChunk, nameLength));
    yield [name, numbersOf(arrayAt(chunks, valueChunk, valueCount * valueSize), valueSize)];
    found++;
  }
  if (found !== entryCount) throw damaged('a leaf of a ZAP lacks entries');
}

/** The bytes in a list of chunks. */
function arrayAt(chunks: Uint8Array, firstChunk: number, length: number): Uint8Array {
  const array = new Uint8Array(length);
  let chunk = firstChunk;
  for (let at = 0; at < length; at += ARRAY_BYTES) {
    const content = chunks.subarray(chunk * CHUNK_SIZE, (chunk + 1) * CHUNK_SIZE);
    if (content.length < CHUNK_SIZE || content[0] !== ARRAY_CHUNK) {
      throw damaged('an array in a ZAP is damaged');
    }
    array.set(content.subarray(1, 1 + Math.min(ARRAY_BYTES, length - at)), at);
    chunk = viewOf(content).getUint16(1 + ARRAY_BYTES, true);
  }
  return array;
}

function numbersOf(array: Uint8Array, size: number): bigint[] {
  const numbers: bigint[] = [];
  for (let at = 0; at < array.length; at += size) {
    let number = 0n;
    for (const byte of array.subarray(at, at + size)) number = (number << 8n) | BigInt(byte);
    numbers.push(number);
  }
  return numbers;
}

function text(content: Uint8Array): string {
  const end = content.indexOf(0);
  return new TextDecoder().decode(end === -1 ? content : content.subarray(0, end));
}
