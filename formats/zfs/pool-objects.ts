// The objects of a pool's meta object set.
//   root block pointer -> object set -> dnode of the object that holds all dnodes
//   dnode -> blocks of its object, or blocks of pointers to them
// Sources: OpenZFS, sys/dnode.h (dnode_phys_t), sys/dmu_objset.h (objset_phys_t), sys/dmu.h.

import { damaged } from './faults.ts';
import { bytes, struct, u16, u64, u8, viewOf } from '../struct.ts';
import { decodePointer, POINTER_SIZE, POOL_SECTOR } from './decode-pointer.ts';
import type { PoolBlocks } from './pool-blocks.ts';

/** An object of a pool. */
export interface PoolObject {
  /** `dmu_object_type_t`. */
  readonly type: number;
  /** Data in the dnode itself. */
  readonly bonus: Uint8Array;
  /** `dmu_object_type_t` of that data. */
  readonly bonusType: number;
  /** Size of a block in bytes. */
  readonly blockSize: number;
  /** Number of blocks. */
  readonly blockCount: number;
  /**
   * A block, which must not be changed; zeros for a hole. Rejects with a FormatError if damaged.
   */
  block(index: number): Promise<Uint8Array>;
}

/** Opens an object by its number. Rejects with a FormatError if there is none. */
export type PoolObjects = (number: number) => Promise<PoolObject>;

const DNODE_SIZE = 512;
const dnode = struct('little', DNODE_SIZE, {
  type: [0, u8],
  pointerBlockShift: [1, u8],
  levels: [2, u8], // 1: the dnode points to the blocks themselves
  pointerCount: [3, u8],
  bonusType: [4, u8],
  checksum: [5, u8], // of new blocks, like the compression
  compression: [6, u8],
  flags: [7, u8],
  blockSectors: [8, u16],
  bonusLength: [10, u16],
  extraSlots: [12, u8], // number of further dnodes that it occupies
  padding: [13, bytes(3)],
  lastBlock: [16, u64],
  used: [24, u64],
  morePadding: [32, bytes(32)],
  tail: [64, bytes(448)], // pointers, bonus
});

const TAIL_OFFSET = 64;
/** DN_MAX_NBLKPTR, DN_MIN_INDBLKSHIFT, DN_MAX_INDBLKSHIFT, DN_MAX_LEVELS, SPA_MAXBLOCKSIZE. */
const MAX_POINTERS = 3;
const MIN_POINTER_BLOCK_SHIFT = 12;
const MAX_POINTER_BLOCK_SHIFT = 17;
const MAX_LEVELS = 12;
const MAX_BLOCK_SIZE = 2 ** 24;
/** Limit of this program: block numbers are doubles. */
const MAX_BLOCKS = 2 ** 48;

const OBJECT_SET = 11; // DMU_OT_OBJSET
const OBJECT_SET_TYPE_OFFSET = 704; // os_type
const META = 1n; // DMU_OST_META

/** Opens the object set of a pool. Rejects with a FormatError if the pointer leads elsewhere. */
export async function openPoolObjects(
  rootPointer: Uint8Array,
  blocks: PoolBlocks,
): Promise<PoolObjects> {
  const root = decodePointer(rootPointer);
  if (root.kind !== 'stored' || root.type !== OBJECT_SET || root.logicalSize > MAX_BLOCK_SIZE) {
    throw damaged('the root block pointer does not lead to an object set');
  }
  const set = await blocks.read(rootPointer, { level: 0, size: root.logicalSize });
  if (
    set.length < OBJECT_SET_TYPE_OFFSET + 8 ||
    viewOf(set).getBigUint64(OBJECT_SET_TYPE_OFFSET, true) !== META
  ) {
    throw damaged('the root object set is not that of a pool');
  }
  const dnodes = openObject(set.subarray(0, DNODE_SIZE), blocks);
  return async (number) => {
    const perBlock = dnodes.blockSize / DNODE_SIZE;
    const index = Math.floor(number / perBlock);
    if (index >= dnodes.blockCount) throw damaged(`the pool has no object ${number}`);
    const block = await dnodes.block(index);
    return openObject(block.subarray((number % perBlock) * DNODE_SIZE), blocks);
  };
}

/** Opens the object of the dnode at the start of `content`. */
function openObject(content: Uint8Array, blocks: PoolBlocks): PoolObject {
  const values = dnode.decode(content);
  const { type, bonusType, levels, pointerCount, pointerBlockShift } = values;
  const blockSize = values.blockSectors * POOL_SECTOR;
  const isSound =
    type !== 0 &&
    pointerCount >= 1 &&
    pointerCount <= MAX_POINTERS &&
    levels >= 1 &&
    levels <= MAX_LEVELS &&
    pointerBlockShift >= MIN_POINTER_BLOCK_SHIFT &&
    pointerBlockShift <= MAX_POINTER_BLOCK_SHIFT &&
    blockSize > 0 &&
    blockSize <= MAX_BLOCK_SIZE &&
    values.lastBlock < MAX_BLOCKS;
  const bonusOffset = TAIL_OFFSET + pointerCount * POINTER_SIZE;
  const size = (values.extraSlots + 1) * DNODE_SIZE;
  if (!isSound || size > content.length || bonusOffset + values.bonusLength > size) {
    throw damaged('a dnode is free or damaged');
  }
  const shape = { blockSize, levels, pointerBlockSize: 2 ** pointerBlockShift };
  const pointers = content.slice(TAIL_OFFSET, bonusOffset);
  return {
    type,
    bonusType,
    bonus: content.slice(bonusOffset, bonusOffset + values.bonusLength),
    blockSize,
    blockCount: Number(values.lastBlock) + 1,
    block: blockTree(pointers, shape, blocks),
  };
}

/** Sizes in bytes. */
interface TreeShape {
  readonly blockSize: number;
  readonly levels: number;
  readonly pointerBlockSize: number;
}

/** Finds blocks by the blocks of pointers, and keeps the last block of each level. */
function blockTree(
  pointers: Uint8Array,
  { blockSize, levels, pointerBlockSize }: TreeShape,
  blocks: PoolBlocks,
): PoolObject['block'] {
  const fanOut = pointerBlockSize / POINTER_SIZE;
  const kept: { index: number; block: Uint8Array }[] = [];

  return (index) => blockAt(0, index);

  /** A block by its index in all blocks of a level. */
  async function blockAt(level: number, index: number): Promise<Uint8Array> {
    const last = kept[level];
    if (last?.index === index) return last.block;
    const isTop = level === levels - 1;
    const parent = isTop ? pointers : await blockAt(level + 1, Math.floor(index / fanOut));
    const at = (isTop ? index : index % fanOut) * POINTER_SIZE;
    if (at >= parent.length) throw damaged('an object has more blocks than pointers');
    const size = level === 0 ? blockSize : pointerBlockSize;
    const block = await blocks.read(parent.subarray(at, at + POINTER_SIZE), { level, size });
    kept[level] = { index, block };
    return block;
  }
}

/** Bytes of an object, which may lie in several of its blocks. */
export async function bytesAt(
  object: PoolObject,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  const found = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const inBlock = (offset + at) % object.blockSize;
    const block = await object.block(Math.floor((offset + at) / object.blockSize));
    const piece = block.subarray(inBlock, inBlock + length - at);
    found.set(piece, at);
    at += piece.length;
  }
  return found;
}

/** A number of 64 bits in an object that is an array of them; 0 past its end, as in OpenZFS. */
export async function numberAt(object: PoolObject, index: number): Promise<bigint> {
  const perBlock = object.blockSize / 8;
  const blockIndex = Math.floor(index / perBlock);
  if (blockIndex >= object.blockCount) return 0n;
  const block = await object.block(blockIndex);
  return viewOf(block).getBigUint64((index % perBlock) * 8, true);
}
