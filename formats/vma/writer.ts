// Writes a VMA front to back:
//   header     with the blobs: the names of the devices, the description of the machine
//   extents    up to 59 clusters of a device in turn: a header with the mask of each, and the pages
//              that are not zeros

import type {
  Block,
  FormatWriter,
  ImageOutput,
  MachineRequest,
  MachineWriter,
  WriteRequest,
} from '../contract.ts';
import type { Machine } from '../machine.ts';
import { viewOf } from '../struct.ts';
import { isZero } from '../zeros.ts';
import { bitCount } from './bit-count.ts';
import { deviceNamesOf, encodeConfig, type Hardware } from './encode-config.ts';
import { encodeHeader, FIRST_DEVICE } from './encode-header.ts';
import { unsupported } from './faults.ts';
import {
  ALL_PAGES,
  CLUSTER_SIZE,
  entry,
  ENTRIES_AT,
  ENTRY_SIZE,
  extent,
  EXTENT_CLUSTERS,
  EXTENT_MAGIC,
  EXTENT_MD5,
  MAX_BLOB,
  PAGE_SIZE,
} from './layout.ts';
import { type Hashers, md5Of } from './md5.ts';

/** What an archive is of. */
export interface VmaContents {
  readonly machine: Machine;
  readonly hardware: Hardware;
}

/** The archive of a machine with one disk; see {@link vmaMachineWriter}. */
export async function vmaWriter(
  { disk, ...request }: WriteRequest,
  contents: VmaContents,
): Promise<FormatWriter> {
  const { name } = disk;
  return vmaMachineWriter({ ...request, name, disks: [disk] }, contents).startDisk();
}

/**
 * `request.output` must be empty. Throws a FormatError if the size of a disk is not known, which
 * the header has, or if the description is too long.
 */
export function vmaMachineWriter(request: MachineRequest, contents: VmaContents): MachineWriter {
  const { name, disks, output } = request;
  const { uuid, createdAt } = disks[0] ?? { uuid: new Uint8Array(16), createdAt: 0 };
  const names = deviceNamesOf(contents.hardware, disks.length);
  const devices = disks.map(({ size }, index) => {
    if (size !== undefined) return { name: names[index] ?? '', size };
    throw unsupported('the size of the disk must be known before it is written');
  });
  const config = encodeConfig({ name, uuid, diskCount: disks.length, ...contents });
  if (config.length > MAX_BLOB) throw unsupported('the description of the machine is too long');
  output.append(encodeHeader({ uuid, createdAt, devices, config }, request));
  const archive = { output, uuid, hasher: request.hasher };
  let deviceId = FIRST_DEVICE;
  return {
    startDisk: () => Promise.resolve(deviceWriter(archive, deviceId++)),
    finish: () => undefined, // nothing follows the last extent
  };
}

/** Where extents are written to. */
interface Archive extends Hashers {
  readonly output: ImageOutput;
  readonly uuid: Uint8Array;
}

/** Writes the extents of one device. Those of the next begin with a new one. */
function deviceWriter(archive: Archive, deviceId: number): FormatWriter {
  const { output } = archive;
  let next = 0; // the cluster that comes next
  let masks: number[] = []; // of the extent that is not full yet
  let pages: Uint8Array[] = [];

  return {
    add(block) {
      if (block.index < next) {
        throw new RangeError(`blocks do not ascend: ${block.index} after ${next - 1}`);
      }
      addZeros(block.index - next);
      addCluster(block);
    },
    finish(diskSize) {
      addZeros(Math.ceil(diskSize / CLUSTER_SIZE) - next);
      if (masks.length > 0) endExtent();
    },
  };

  function addCluster(block: Block): void {
    // The extent's header precedes its data, and the block's buffer is reused before that is known.
    const bytes = block.bytes.slice();
    const mask = maskOf(bytes);
    if (mask === ALL_PAGES) pages.push(bytes);
    else pages.push(...pagesIn(bytes, mask));
    addMask(mask);
  }

  function addMask(mask: number): void {
    masks.push(mask);
    next++;
    if (masks.length === EXTENT_CLUSTERS) endExtent();
  }

  function endExtent(): void {
    output.append(encodeExtent(archive, deviceId, next - masks.length, masks));
    for (const bytes of pages) output.append(bytes);
    masks = [];
    pages = [];
  }

  /** Extents of zeros alone are made while they are written: a TiB of them has 139 MiB. */
  function addZeros(count: number): void {
    let left = count;
    for (; left > 0 && masks.length > 0; left--) addMask(0);
    const whole = Math.floor(left / EXTENT_CLUSTERS);
    output.appendPieces(whole * extent.size, emptyExtents(archive, deviceId, next, whole));
    next += whole * EXTENT_CLUSTERS;
    for (left -= whole * EXTENT_CLUSTERS; left > 0; left--) addMask(0);
  }
}

/** Extents in a piece of the image: 64 KiB. */
const PIECE_EXTENTS = 128;

const NO_DATA: readonly number[] = Array.from({ length: EXTENT_CLUSTERS }, () => 0);

function* emptyExtents(
  archive: Archive,
  deviceId: number,
  first: number,
  count: number,
): Generator<Uint8Array> {
  const header = encodeExtent(archive, deviceId, first, NO_DATA);
  for (let at = 0; at < count; at += PIECE_EXTENTS) {
    const length = Math.min(PIECE_EXTENTS, count - at);
    const piece = new Uint8Array(length * extent.size);
    for (let i = 0; i < length; i++) {
      putEntries(header, deviceId, first + (at + i) * EXTENT_CLUSTERS, NO_DATA);
      header.set(md5Of(header, EXTENT_MD5, archive), EXTENT_MD5[0]);
      piece.set(header, i * extent.size);
    }
    yield piece;
  }
}

/** Encodes the header of an extent of clusters that follow each other. */
function encodeExtent(
  archive: Archive,
  deviceId: number,
  first: number,
  masks: readonly number[],
): Uint8Array {
  const bytes = extent.encode({
    magic: EXTENT_MAGIC,
    reserved: 0,
    pageCount: masks.reduce((sum, mask) => sum + bitCount(mask), 0),
    uuid: archive.uuid,
    md5: new Uint8Array(16),
    entries: new Uint8Array(ENTRY_SIZE * EXTENT_CLUSTERS),
  });
  putEntries(bytes, deviceId, first, masks);
  bytes.set(md5Of(bytes, EXTENT_MD5, archive), EXTENT_MD5[0]);
  return bytes;
}

function putEntries(
  header: Uint8Array,
  deviceId: number,
  first: number,
  masks: readonly number[],
): void {
  const view = viewOf(header.subarray(ENTRIES_AT));
  masks.forEach((mask, i) => {
    const at = i * ENTRY_SIZE;
    view.setUint16(at + entry.mask, mask);
    view.setUint8(at + entry.deviceId, deviceId);
    view.setUint32(at + entry.cluster, first + i);
  });
}

/** A bit for each page that is not all zeros. */
function maskOf(bytes: Uint8Array): number {
  let mask = 0;
  for (let page = 0; page < CLUSTER_SIZE / PAGE_SIZE; page++) {
    const at = page * PAGE_SIZE;
    // Views are slow, and most pages of data begin with some.
    if (bytes[at] !== 0 || !isZero(bytes.subarray(at, at + PAGE_SIZE))) mask |= 1 << page;
  }
  return mask;
}

function pagesIn(bytes: Uint8Array, mask: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let page = 0; page < CLUSTER_SIZE / PAGE_SIZE; page++) {
    if ((mask & (1 << page)) === 0) continue;
    found.push(bytes.subarray(page * PAGE_SIZE, (page + 1) * PAGE_SIZE));
  }
  return found;
}
