// The metadata of a recorded pool in one buffer, with every block decompressed, so that each number
// in it can be changed: blocks behind blocks that they are found by, then the root block pointer.
// Each block keeps its address in the pool; `places` says where it is in the buffer.

import { decodePointer, POINTER_SIZE, POOL_SECTOR } from '../../../formats/zfs/decode-pointer.ts';
import type { PresentVdev } from '../../../formats/zfs/free-space.ts';
import { poolBlocks } from '../../../formats/zfs/pool-blocks.ts';
import type { RingEntry } from '../../../formats/zfs/uberblocks.ts';
import { fletcher4 } from '../../../formats/zfs-send/fletcher4.ts';
import { recordedPool, toolsOf } from '../../support/zfs-pools.ts';
import type { At, Place } from '../place.ts';
import type { Scratch } from '../scratch.ts';

export interface FlatPool {
  readonly bytes: Buffer;
  readonly uberblock: RingEntry;
  readonly vdevs: readonly PresentVdev[];
  /** Where a block is in the buffer, by `VDEV OFFSET`. */
  readonly places: ReadonlyMap<string, number>;
}

/** The recorded pools, with the MiB of their devices. */
export const FLAT_POOLS = ['several 96', 'nolog 96', 'old 96'] as const;

const OBJECT_SET = 11; // DMU_OT_OBJSET
const DNODE = 10; // DMU_OT_DNODE
const DNODE_SIZE = 512;
const PROPERTIES_AT = 48; // in a pointer
const SUM_AT = 96;
const NOT_COMPRESSED = 2n;

const known = new Map<string, FlatPool>();

/** One of FLAT_POOLS, once it was made. */
export function flatPoolOf(name: string): FlatPool {
  const found = known.get(name);
  if (!found) throw new Error(`${name} was not made`);
  return found;
}

/** Makes one of FLAT_POOLS. */
export async function makeFlatPool(name: string): Promise<FlatPool> {
  const [record = '', mebibytes] = name.split(' ');
  const pool = recordedPool(record, Number(mebibytes));
  const blocks = poolBlocks(toolsOf(pool), pool.uberblock.txg, 2 ** 28);
  const parts: Buffer[] = [];
  const places = new Map<string, number>();
  let end = 0;
  const root = Buffer.from(pool.uberblock.values.rootBlockPointer);
  await flatten(root);
  const flat = { bytes: Buffer.concat([...parts, root]), places, ...pool };
  sealPointer(
    { bytes: flat.bytes, edit: (at, length) => flat.bytes.subarray(at, at + length) },
    flat.bytes.length - POINTER_SIZE,
    places,
  );
  known.set(name, flat);
  return flat;

  /** Adds the block of a pointer, and those that it leads to, and changes the pointer. */
  async function flatten(pointer: Buffer): Promise<void> {
    const found = decodePointer(pointer);
    const [copy] = found.kind === 'stored' ? found.copies : [];
    if (found.kind !== 'stored' || !copy) return;
    const block = await readOr(pointer, found.level, found.logicalSize);
    if (!block) return; // nothing that is read, so it was not recorded
    places.set(`${copy.vdev} ${copy.offset}`, end);
    parts.push(block);
    end += block.length;
    for (const at of pointersIn(block, found)) await flatten(block.subarray(at, at + POINTER_SIZE));
    const sectors = BigInt(found.logicalSize / POOL_SECTOR - 1);
    const rest = pointer.readBigUInt64LE(PROPERTIES_AT) & ~0x7f_ffff_ffffn;
    pointer.writeBigUInt64LE(
      rest | sectors | (sectors << 16n) | (NOT_COMPRESSED << 32n),
      PROPERTIES_AT,
    );
  }

  async function readOr(pointer: Buffer, level: number, size: number) {
    try {
      return Buffer.from(await blocks.read(pointer, { level, size }));
    } catch {
      return undefined;
    }
  }
}

/** Where a block has pointers. */
function pointersIn(
  block: Buffer,
  { level, type }: { readonly level: number; readonly type: number },
): number[] {
  if (level > 0) {
    return Array.from({ length: block.length / POINTER_SIZE }, (_, i) => i * POINTER_SIZE);
  }
  const dnodes = type === OBJECT_SET ? 1 : type === DNODE ? block.length / DNODE_SIZE : 0;
  return Array.from({ length: dnodes }, (_, i) => i * DNODE_SIZE).flatMap((start) => {
    const pointerCount = block[start] === 0 ? 0 : Math.min(block[start + 3] ?? 0, 3);
    return Array.from({ length: pointerCount }, (_, i) => start + 64 + i * POINTER_SIZE);
  });
}

type Bytes = Pick<Scratch, 'bytes' | 'edit'>;

/** Makes the checksums in a pointer, and in all that it leads to, right. */
function sealPointer(image: Bytes, at: number, places: FlatPool['places'], depth = 0): void {
  const pointer = image.bytes.subarray(at, at + POINTER_SIZE);
  if (pointer.length < POINTER_SIZE || depth > 16) return;
  const found = decodedOr(pointer);
  const [copy] = found?.kind === 'stored' ? found.copies : [];
  const start = copy && places.get(`${copy.vdev} ${copy.offset}`);
  if (found?.kind !== 'stored' || start === undefined) return;
  const block = image.bytes.subarray(start, start + found.physicalSize);
  for (const inner of pointersIn(block, found))
    sealPointer(image, start + inner, places, depth + 1);
  const checksum = fletcher4();
  checksum.reset('little');
  checksum.update(block);
  const sums = image.edit(at + SUM_AT, 32);
  for (const [i, sum] of checksum.value().entries()) sums.writeBigUInt64LE(sum, 8 * i);
}

function decodedOr(pointer: Buffer) {
  try {
    return decodePointer(pointer);
  } catch {
    return undefined;
  }
}

/** A word that is not zero, since most of a pool's metadata is. */
const used: At = (image, random) => {
  for (let tries = 0; tries < 64; tries++) {
    const at = 8 * random.below(image.length / 8);
    if (at + 8 <= image.length && image.readBigUInt64LE(at) !== 0n) return at;
  }
  return undefined;
};

/** A byte or a small number in such a word. */
const within = (width: number): At => {
  return (image, random) => {
    const at = used(image, random);
    return at === undefined ? at : at + width * random.below(8 / width);
  };
};

/** Makes the checksums in the blocks of a flat pool right. */
export function sealPool(image: Scratch): void {
  const pool = [...known.values()].find(({ bytes }) => bytes.length === image.bytes.length);
  if (pool) sealPointer(image, image.bytes.length - POINTER_SIZE, pool.places);
}

/**
 * Numbers of any struct in a pool; `sealPool` follows. Most are words of 8 bytes, those of dnodes
 * single bytes, and those of name-value lists words of 4.
 */
export const POOL_PLACES: readonly Place[] = [
  { at: used, width: 8, order: 'little' },
  { at: within(4), width: 4, order: 'little' },
  { at: within(4), width: 4, order: 'big' },
  { at: within(2), width: 2, order: 'little' },
  { at: within(1), width: 1, order: 'little' },
];
