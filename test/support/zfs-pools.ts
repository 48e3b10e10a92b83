// Pools recorded by fixtures/zfs/space.sh: the metadata on their devices, and what zdb finds in
// use.

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { FormatError } from '../../formats/errors.ts';
import { fletcher4 } from '../../formats/zfs-send/fletcher4.ts';
import {
  ALLOCATABLE_OFFSET,
  openPoolSpace,
  type PresentVdev,
} from '../../formats/zfs/free-space.ts';
import { layoutOf } from '../../formats/zfs/layout-of.ts';
import type { PoolTools } from '../../formats/zfs/pool-blocks.ts';
import { poolMedia, type ReadDevice } from '../../formats/zfs/pool-media.ts';
import { readRing, type RingEntry } from '../../formats/zfs/uberblocks.ts';
import { readVdevConfig } from '../../formats/zfs/vdev-config.ts';
import type { VdevLayout } from '../../formats/zfs/vdev-layout.ts';
import { fixturePath } from './project.ts';
import { sha256 } from './zfs-labels.ts';

/** Bytes of a device, by the offset at which they begin. */
type Device = Map<number, Uint8Array>;

export interface RecordedVdev extends PresentVdev {
  readonly layout: VdevLayout;
}

export interface RecordedPool {
  readonly uberblock: RingEntry;
  readonly vdevs: readonly RecordedVdev[];
  /** By top-level vdev. */
  readonly devices: ReadonlyMap<number, Device[]>;
}

export type Run = readonly [start: number, end: number];

const MIB = 2 ** 20;

/** A pool whose devices have that many MiB. */
export function recordedPool(name: string, mebibytes: number): RecordedPool {
  const byNumber = piecesOf(gunzipSync(readFileSync(recordOf(`${name}.gz`))));
  const devices = new Map<number, Device[]>();
  const vdevs = new Map<number, RecordedVdev>();
  let uberblock: RingEntry | undefined;
  for (const device of byNumber.values()) {
    const label = device.get(0)!;
    const { topId: id, topGuid: guid, ashift, shape } = readVdevConfig(label, 0, sha256);
    const layout = layoutOf(shape);
    const size = layout.sizeWith(mebibytes * MIB - ALLOCATABLE_OFFSET - 2 * 262_144);
    vdevs.set(id, { id, guid, size, alignment: layout.alignment, layout });
    devices.set(id, [...(devices.get(id) ?? []), device]);
    for (const entry of readRing(label, { vdevOffset: 0, ashift, sha256 })) {
      if (!uberblock || entry.txg > uberblock.txg) uberblock = entry;
    }
  }
  return { uberblock: uberblock!, vdevs: [...vdevs.values()], devices };
}

function recordOf(name: string): string {
  return fixturePath('zfs', 'space', name);
}

function piecesOf(record: Buffer): Map<number, Device> {
  const devices = new Map<number, Device>();
  for (let at = 0; at < record.length;) {
    const end = record.indexOf('\n', at);
    const [number, offset, length] = record.toString('latin1', at, end).split(' ').map(Number);
    const device = devices.get(number!) ?? new Map<number, Uint8Array>();
    devices.set(number!, device);
    at = end + 1 + length!;
    device.set(offset!, new Uint8Array(record.subarray(end + 1, at)));
  }
  return devices;
}

/** The tools to read a recorded pool with. */
export function toolsOf({ devices, vdevs }: Pick<RecordedPool, 'devices' | 'vdevs'>): PoolTools {
  const never = () => {
    throw new Error('no metadata of these pools is compressed in that way');
  };
  return {
    checksum: fletcher4(),
    decompressors: { inflate: never, zstd: never },
    media: poolMedia(
      vdevs.map(({ id, layout }) => ({
        id,
        layout,
        devices: (devices.get(id) ?? []).map(readerOf),
      })),
    ),
  };
}

function readerOf(device: Device): ReadDevice {
  return (offset, length) => {
    const start = offset + ALLOCATABLE_OFFSET;
    const found = new Uint8Array(length);
    let isRecorded = false;
    for (const [at, bytes] of device) {
      if (at >= start + length || at + bytes.length <= start) continue;
      isRecorded = true;
      const piece = bytes.subarray(Math.max(0, start - at), start + length - at);
      found.set(piece, Math.max(0, at - start));
    }
    if (isRecorded) return Promise.resolve(found);
    return Promise.reject(new FormatError('damaged', `byte ${offset} is not recorded`));
  };
}

/** The free extents of each vdev of a pool. Rejects with a FormatError. */
export async function freeRuns(
  pool: RecordedPool,
  unitsAtOnce?: number,
): Promise<Map<number, Run[]>> {
  const space = await openPoolSpace(pool.uberblock, pool.vdevs, toolsOf(pool), unitsAtOnce);
  const found = new Map<number, Run[]>();
  for (const vdev of pool.vdevs) {
    const runs: Run[] = [];
    await space.eachFree(vdev, (start, end) => {
      const last = runs.at(-1);
      if (last?.[1] === start) runs.splice(-1, 1, [last[0], end]);
      else runs.push([start, end]);
    });
    found.set(vdev.id, runs);
  }
  return found;
}

/** The gaps between the blocks that zdb found in use. */
export function unusedRuns(name: string): Map<number, Run[]> {
  const text = gunzipSync(readFileSync(recordOf(`${name}.allocated.gz`))).toString();
  const rows = text.trim().split('\n');
  const unused = new Map<number, Run[]>();
  for (const [vdev, count, size] of rows.map(metaslabs).filter((row) => row !== undefined)) {
    const used = rows
      .map(segment)
      .filter((found) => found?.[0] === vdev)
      .map((found) => [found![1], found![2]] as const)
      .sort((one, other) => one[0] - other[0]);
    const runs: Run[] = [];
    let at = 0;
    for (const [start, end] of [...used, [count * size, count * size] as const]) {
      if (start > at) runs.push([at, start]);
      at = Math.max(at, end);
    }
    unused.set(vdev, runs);
  }
  return unused;
}

/** `metaslabs VDEV COUNT SIZE`, the size in hexadecimal. */
function metaslabs(row: string): [vdev: number, count: number, size: number] | undefined {
  const [, vdev, count, size] = /^metaslabs (\d+) (\d+) ([0-9a-f]+)$/.exec(row) ?? [];
  return size === undefined ? undefined : [Number(vdev), Number(count), parseInt(size, 16)];
}

/** `VDEV START LENGTH`, the last two in hexadecimal. */
function segment(row: string): [vdev: number, start: number, end: number] | undefined {
  const [, vdev, start, length] = /^(\d+) ([0-9a-f]+) ([0-9a-f]+)$/.exec(row) ?? [];
  if (length === undefined) return undefined;
  const first = parseInt(start!, 16);
  return [Number(vdev), first, first + parseInt(length, 16)];
}
