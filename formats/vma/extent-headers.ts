// Walks the headers of the extents. They are not listed anywhere: each says how long its extent is.

import type { ImageInput } from '../contract.ts';
import { viewOf } from '../struct.ts';
import { bitCount } from './bit-count.ts';
import { type Header, isSame } from './decode-header.ts';
import { damaged } from './faults.ts';
import {
  ENTRY_SIZE,
  entry,
  extent,
  EXTENT_CLUSTERS,
  EXTENT_MAGIC,
  EXTENT_MD5,
  PAGE_SIZE,
} from './layout.ts';
import { type Hashers, md5Of } from './md5.ts';

/** A cluster in an extent. */
export interface Cluster {
  readonly deviceId: number;
  /** Its number on the device. */
  readonly cluster: number;
  /** Which of its pages are stored. */
  readonly mask: number;
  /** Where they are stored in the archive. */
  readonly imageOffset: number;
}

/** An archive whose header has been read. */
export interface Archive {
  readonly input: ImageInput;
  readonly header: Header;
  readonly hashers: Hashers;
}

/** Where an extent lies. */
export interface ExtentPlace {
  readonly imageOffset: number;
  readonly clusters: readonly Cluster[];
}

/** Bytes that are read at a time: many headers if extents hold little, else one. */
const READ_AHEAD = 64 * 2 ** 10;

/** Every extent of an archive, in its order. Throws a FormatError at the first that is damaged. */
export async function* extentsIn({ input, header, hashers }: Archive): AsyncGenerator<ExtentPlace> {
  let ahead: Uint8Array = new Uint8Array();
  let aheadAt = 0;
  for (let at = header.size; at < input.size;) {
    if (at + extent.size > input.size) throw damaged(`the archive ends in the extent at ${at}`);
    if (at < aheadAt || at + extent.size > aheadAt + ahead.length) {
      ahead = await input.read(at, Math.min(READ_AHEAD, input.size - at));
      aheadAt = at;
    }
    const bytes = ahead.subarray(at - aheadAt, at - aheadAt + extent.size);
    const { pageCount } = checkExtent(bytes, at, header, hashers);
    const clusters = clustersIn(bytes, at);
    const stored = clusters.reduce((sum, { mask }) => sum + bitCount(mask), 0);
    if (stored !== pageCount) {
      throw damaged(`the extent at ${at} has ${pageCount} pages, its clusters have ${stored}`);
    }
    const end = at + extent.size + pageCount * PAGE_SIZE;
    if (end > input.size) throw damaged(`the archive ends in the extent at ${at}`);
    checkClusters(clusters, at, header);
    yield { imageOffset: at, clusters };
    at = end;
  }
}

/** The clusters of the extent whose header begins at an offset of the archive. */
export function clustersIn(bytes: Uint8Array, imageOffset: number): Cluster[] {
  const entries = viewOf(extent.over(bytes).entries);
  const clusters: Cluster[] = [];
  let at = imageOffset + extent.size;
  for (let place = 0; place < EXTENT_CLUSTERS * ENTRY_SIZE; place += ENTRY_SIZE) {
    const deviceId = entries.getUint8(place + entry.deviceId);
    if (deviceId === 0) continue;
    const mask = entries.getUint16(place + entry.mask);
    const cluster = entries.getUint32(place + entry.cluster);
    clusters.push({ deviceId, cluster, mask, imageOffset: at });
    at += bitCount(mask) * PAGE_SIZE;
  }
  return clusters;
}

function checkExtent(bytes: Uint8Array, at: number, { uuid }: Header, hashers: Hashers) {
  const found = extent.decode(bytes);
  if (found.magic !== EXTENT_MAGIC || found.reserved !== 0) {
    throw damaged(`there is no extent at ${at}`);
  }
  if (!isSame(found.uuid, uuid)) throw damaged(`the extent at ${at} is of another archive`);
  if (!isSame(md5Of(bytes, EXTENT_MD5, hashers), found.md5)) {
    throw damaged(`the MD5 of the extent at ${at} is wrong`);
  }
  return found;
}

function checkClusters(clusters: readonly Cluster[], at: number, { devices }: Header): void {
  for (const { deviceId, cluster } of clusters) {
    const device = devices.get(deviceId);
    if (!device) throw damaged(`the extent at ${at} is of device ${deviceId}, which is not listed`);
    if (device.isMemory || cluster < device.clusterCount) continue;
    throw damaged(
      `the extent at ${at} has cluster ${cluster} of ${JSON.stringify(device.name)}, which has ${device.clusterCount}`,
    );
  }
}
