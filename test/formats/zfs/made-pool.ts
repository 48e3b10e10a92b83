// A small pool made by hand, valid unless a test damages it: one vdev of three metaslabs of 16 MiB
// with blocks of 512 bytes. All of its metadata is in the first MiB, which its first space map
// marks as allocated.

import { fletcher4 } from '../../../formats/zfs-send/fletcher4.ts';
import { ALLOCATABLE_OFFSET } from '../../../formats/zfs/free-space.ts';
import { UBERBLOCK_MAGIC } from '../../../formats/zfs/label.ts';
import { mirrorLayout } from '../../../formats/zfs/vdev-layout.ts';
import { innerList, packedList, pair, pairOf } from '../../support/nvlist.ts';
import type { RecordedPool } from '../../support/zfs-pools.ts';

export const METASLAB = 2 ** 24;
export const METASLABS = 3;
const MIB = 2 ** 20;
const TXG = 100n;

/** Damage to the pool. */
export interface Spoiled {
  /** Changes the content of an object, by its number, before checksums are made. */
  readonly content?: (object: number, content: Buffer) => void;
  /** Changes a dnode: of an object, 0 for that of the dnodes. */
  readonly dnode?: (object: number, dnode: Buffer) => void;
  /** Changes the pointer to the block of an object, 0 for that of the dnodes, -1 for the root. */
  readonly pointer?: (object: number, pointer: Buffer) => void;
}

interface MadeObject {
  readonly type: number;
  readonly content: Buffer;
  readonly bonusType?: number;
  readonly bonus?: Buffer;
}

/** An entry of a space map: `[isFreed, start, length]` in bytes. */
export type MadeEntry = readonly [isFreed: boolean, start: number, length: number];

export interface MadeSpace {
  /** Of each metaslab, from its start; undefined for one that has no map. */
  readonly maps?: readonly (readonly MadeEntry[] | undefined)[];
  /** By transaction group. */
  readonly logs?: ReadonlyMap<number, readonly MadeEntry[]>;
  /** Of each metaslab. */
  readonly unflushed?: readonly number[];
  readonly features?: readonly string[];
  readonly config?: Readonly<Record<string, string | bigint>>;
}

export const OBJECTS = { directory: 1, config: 2, features: 3, logs: 5, array: 6, firstMap: 7 };

const USED: MadeEntry = [false, 0, MIB];

export function madePool(space: MadeSpace = {}, spoiled: Spoiled = {}): RecordedPool {
  const device = new Map<number, Uint8Array>();
  let offset = 0;
  const dnodes = Buffer.alloc(16_384);
  for (const [number, object] of objectsOf(space)) {
    spoiled.content?.(number, object.content);
    const pointer = put(number, 0, object.type, object.content);
    const dnode = dnodeOf(object, pointer);
    spoiled.dnode?.(number, dnode);
    dnode.copy(dnodes, number * 512);
  }
  const set = Buffer.alloc(1024);
  const dnode = dnodeOf({ type: 10, content: dnodes }, put(0, 0, 10, dnodes));
  spoiled.dnode?.(0, dnode);
  dnode.copy(set);
  set.writeBigUInt64LE(1n, 704);
  const rootBlockPointer = new Uint8Array(put(-1, 0, 11, set));
  const values = { magic: UBERBLOCK_MAGIC, version: 5000n, txg: TXG, rootBlockPointer };
  const rest = { guidSum: 0n, timestamp: 0n, softwareVersion: 5000n, checkpointTxg: 0n };
  const mmp = { mmpMagic: 0n, mmpDelay: 0n, mmpConfig: 0n };
  return {
    uberblock: {
      slot: 0,
      txg: TXG,
      order: 'little',
      values: { ...values, ...rest, ...mmp },
      content: new Uint8Array(984),
    },
    vdevs: [
      { id: 0, guid: 77n, size: METASLABS * METASLAB, alignment: 1, layout: mirrorLayout(1) },
    ],
    devices: new Map([[0, [device]]]),
  };

  /** Puts a block on the disk; returns the pointer to it. */
  function put(object: number, level: number, type: number, content: Buffer): Buffer {
    device.set(offset + ALLOCATABLE_OFFSET, new Uint8Array(content));
    const pointer = pointerTo(offset, level, type, content);
    spoiled.pointer?.(object, pointer);
    offset += content.length;
    return pointer;
  }
}

export function pointerTo(offset: number, level: number, type: number, content: Buffer): Buffer {
  const sectors = BigInt(content.length / 512);
  const pointer = Buffer.alloc(128);
  pointer.writeBigUInt64LE(sectors, 0);
  pointer.writeBigUInt64LE(BigInt(offset / 512), 8);
  const sizes = (sectors - 1n) | ((sectors - 1n) << 16n);
  const kinds = (2n << 32n) | (7n << 40n) | (BigInt(type) << 48n) | (BigInt(level) << 56n);
  pointer.writeBigUInt64LE(sizes | kinds | (1n << 63n), 48);
  pointer.writeBigUInt64LE(TXG, 80);
  const checksum = fletcher4();
  checksum.reset('little');
  checksum.update(content);
  checksum.value().forEach((sum, i) => pointer.writeBigUInt64LE(sum, 96 + 8 * i));
  return pointer;
}

function dnodeOf({ type, content, bonusType, bonus }: MadeObject, pointer: Buffer): Buffer {
  const dnode = Buffer.alloc(512);
  dnode.set([type, 17, 1, 1, bonusType ?? 0]);
  dnode.writeUInt16LE(content.length / 512, 8);
  dnode.writeUInt16LE(bonus?.length ?? 0, 10);
  pointer.copy(dnode, 64);
  bonus?.copy(dnode, 192);
  return dnode;
}

function objectsOf(space: MadeSpace): Map<number, MadeObject> {
  const { maps = [[USED], [], undefined], unflushed, features = [] } = space;
  const objects = new Map<number, MadeObject>();
  const array = Buffer.alloc(512);
  let next = OBJECTS.firstMap;
  for (const [index, entries] of maps.entries()) {
    if (!entries) continue;
    array.writeBigUInt64LE(BigInt(next), 8 * index);
    objects.set(next++, spaceMap(entries));
  }
  const logZap = [...(space.logs ?? [])].map(([txg, entries]): [string, number] => {
    objects.set(next, spaceMap(entries));
    return [txg.toString(16), next++];
  });
  const top: [string, number][] = [];
  if (unflushed) {
    top.push(['com.delphix:ms_unflushed_phys_txgs', next]);
    const content = Buffer.alloc(512);
    unflushed.forEach((txg, index) => content.writeBigUInt64LE(BigInt(txg), 8 * index));
    objects.set(next++, { type: 0xc3, content });
  }
  const list = configList({ 'com.delphix:vdev_zap_top': BigInt(next), ...space.config });
  objects.set(next, { type: 0xc4, content: microZap(top) });
  objects.set(OBJECTS.array, { type: 2, content: array });
  objects.set(OBJECTS.logs, { type: 0xc4, content: microZap(logZap) });
  const used = features.map((name): [string, number] => [name, 1]);
  objects.set(OBJECTS.features, { type: 0xc4, content: microZap(used) });
  const bonus = Buffer.alloc(8);
  bonus.writeBigUInt64LE(BigInt(list.length));
  const content = Buffer.alloc(1024);
  list.copy(content);
  objects.set(OBJECTS.config, { type: 3, content, bonusType: 4, bonus });
  const directory = microZap([
    ['config', OBJECTS.config],
    ['features_for_read', OBJECTS.features],
    ['features_for_write', OBJECTS.features],
    ['com.delphix:log_spacemap_zap', OBJECTS.logs],
  ]);
  return objects.set(OBJECTS.directory, { type: 1, content: directory });
}

/** Entries of two words each. */
function spaceMap(entries: readonly MadeEntry[]): MadeObject {
  const content = Buffer.alloc(512);
  let allocated = 0;
  for (const [index, [isFreed, start, length]] of entries.entries()) {
    content.writeBigUInt64LE((3n << 62n) | (BigInt(length / 512 - 1) << 24n), 16 * index);
    const freed = isFreed ? 1n << 63n : 0n;
    content.writeBigUInt64LE(freed | BigInt(start / 512), 16 * index + 8);
    allocated += isFreed ? -length : length;
  }
  const bonus = Buffer.alloc(24);
  bonus.writeBigUInt64LE(BigInt(16 * entries.length), 8);
  bonus.writeBigInt64LE(BigInt(allocated), 16);
  return { type: 8, content, bonusType: 7, bonus };
}

function microZap(entries: readonly (readonly [string, number])[]): Buffer {
  const content = Buffer.alloc(1024);
  content.writeBigUInt64LE(2n ** 63n + 3n);
  for (const [index, [name, value]] of entries.entries()) {
    content.writeBigUInt64LE(BigInt(value), 64 * (index + 1));
    content.write(name, 64 * (index + 1) + 14);
  }
  return content;
}

function configList(more: Readonly<Record<string, string | bigint>>): Buffer {
  const vdev = {
    type: 'disk',
    id: 0n,
    guid: 77n,
    ashift: 9n,
    metaslab_array: BigInt(OBJECTS.array),
    metaslab_shift: 24n,
    asize: BigInt(METASLABS * METASLAB),
    ...more,
  };
  const pairs = Object.entries(vdev).map(([name, value]) => pairOf(name, value));
  const children = pair('children', 20, 1, innerList(...pairs));
  return packedList(pairOf('vdev_tree', innerList(children)));
}
