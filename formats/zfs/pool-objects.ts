// The objects of a pool's meta object set. The root block pointer leads to the object set, which begins with the dnode of
// an object that holds all dnodes; a dnode has pointers to the blocks of its object, or to blocks of pointers to them.
// Sources: OpenZFS, sys/dnode.h (dnode_phys_t), sys/dmu_objset.h (objset_phys_t), sys/dmu.h (types).

import { FormatError } from '../errors.ts';
import { bytes, struct, u16, u64, u8, viewOf } from '../struct.ts';
import { decodePointer, POINTER_SIZE, POOL_SECTOR } from './block-pointer.ts';
import type { PoolBlocks } from './pool-blocks.ts';

/** An object of a pool. */
export interface PoolObject {
  /** What it is: `dmu_object_type_t`. */
  readonly type: number;
  /** What lies beside its blocks, in the dnode. */
  readonly bonus: Uint8Array;
  readonly bonusType: number;
  /** In bytes. */
  readonly blockSize: number;
  /** Blocks from here on are not there. */
  readonly blockCount: number;
  /** One of its blocks, zeros where it has none; to be left as it is. Throws a FormatError for what is damaged. */
  block(index: number): Promise<Uint8Array>;
}

/** Answers an object by its number. Throws a FormatError if there is none. */
export type PoolObjects = (number: number) => Promise<PoolObject>;

const DNODE_SIZE = 512;
const dnode = struct('little', DNODE_SIZE, {
  type: [0, u8],
  pointerBlockShift: [1, u8],
  levels: [2, u8], // 1: its pointers are to the blocks themselves
  pointerCount: [3, u8],
  bonusType: [4, u8],
  checksum: [5, u8], // of new blocks, as the compression
  compression: [6, u8],
  flags: [7, u8],
  blockSectors: [8, u16],
  bonusLength: [10, u16],
  extraSlots: [12, u8], // how many more dnodes it takes the room of
  padding: [13, bytes(3)],
  lastBlock: [16, u64],
  used: [24, u64],
  morePadding: [32, bytes(32)],
  tail: [64, bytes(448)], // pointers, then the bonus
});

const TAIL_OFFSET = 64;
/** DN_MAX_NBLKPTR, DN_MIN_INDBLKSHIFT, DN_MAX_INDBLKSHIFT, DN_MAX_LEVELS, SPA_MAXBLOCKSIZE. */
const MAX_POINTERS = 3;
const MIN_POINTER_BLOCK_SHIFT = 12;
const MAX_POINTER_BLOCK_SHIFT = 17;
const MAX_LEVELS = 12;
const MAX_BLOCK_SIZE = 2 ** 24;
/** Limit of this program: numbers of blocks are doubles. */
const MAX_BLOCKS = 2 ** 48;

const OBJECT_SET = 11; // DMU_OT_OBJSET
const OBJECT_SET_TYPE_OFFSET = 704; // os_type
const META = 1n; // DMU_OST_META

/** Opens the object set that a root block pointer leads to. Throws a FormatError if it is not that of a pool. */
export async function openPoolObjects(
  rootPointer: Uint8Array,
  blocks: PoolBlocks,
): Promise<PoolObjects> {
  const root = decodePointer(rootPointer);
  if (root.kind !== 'stored' || root.type !== OBJECT_SET || root.logicalSize > MAX_BLOCK_SIZE) {
    throw new FormatError('damaged', 'its root block pointer leads to no object set');
  }
  const set = await blocks.read(rootPointer, { level: 0, size: root.logicalSize });
  if (
    set.length < OBJECT_SET_TYPE_OFFSET + 8 ||
    viewOf(set).getBigUint64(OBJECT_SET_TYPE_OFFSET, true) !== META
  ) {
    throw new FormatError('damaged', 'its root object set is not that of a pool');
  }
  const dnodes = openObject(set.subarray(0, DNODE_SIZE), blocks);
  return async (number) => {
    const perBlock = dnodes.blockSize / DNODE_SIZE;
    const index = Math.floor(number / perBlock);
    if (index >= dnodes.blockCount) throw new FormatError('damaged', `it has no object ${number}`);
    const block = await dnodes.block(index);
    return openObject(block.subarray((number % perBlock) * DNODE_SIZE), blocks);
  };
}

/** Opens the object whose dnode `content` begins with. */
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
    throw new FormatError('damaged', 'an object is none, or damaged');
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

/** Finds blocks by way of the blocks of pointers, of which it keeps the last of each level. */
function blockTree(
  pointers: Uint8Array,
  { blockSize, levels, pointerBlockSize }: TreeShape,
  blocks: PoolBlocks,
): PoolObject['block'] {
  const fanOut = pointerBlockSize / POINTER_SIZE;
  const kept: { index: number; block: Uint8Array }[] = [];

  return (index) => blockAt(0, index);

  /** The `index`th of all blocks of a level. */
  async function blockAt(level: number, index: number): Promise<Uint8Array> {
    const last = kept[level];
    if (last?.index === index) return last.block;
    const isTop = level === levels - 1;
    const parent = isTop ? pointers : await blockAt(level + 1, Math.floor(index / fanOut));
    const at = (isTop ? index : index % fanOut) * POINTER_SIZE;
    if (at >= parent.length)
      throw new FormatError('damaged', 'an object has more blocks than pointers');
    const size = level === 0 ? blockSize : pointerBlockSize;
    const block = await blocks.read(parent.subarray(at, at + POINTER_SIZE), { level, size });
    kept[level] = { index, block };
    return block;
  }
}

/** The `index`th number of 64 bits in an object that is an array of them; 0 past its end, as OpenZFS reads it. */
export async function numberAt(object: PoolObject, index: number): Promise<bigint> {
  const perBlock = object.blockSize / 8;
  const blockIndex = Math.floor(index / perBlock);
  if (blockIndex >= object.blockCount) return 0n;
  const block = await object.block(blockIndex);
  return viewOf(block).getBigUint64((index % perBlock) * 8, true);
}
