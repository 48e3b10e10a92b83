// What the entries of an L2 table say: where each cluster of the disk lies.

import type { ImageInput, ImageExtent } from '../contract.ts';
import { viewOf } from '../struct.ts';
import { fault, hex } from './extensions.ts';
import type { Header } from './header.ts';
import {
  COMPRESSED_HIGH,
  COMPRESSED_SECTOR,
  compressedOffsetBits,
  COPIED_HIGH,
  ENTRY_SIZE,
  OFFSET_HIGH,
  OFFSET_LOW,
  SUBCLUSTERS,
  ZERO_LOW,
} from './layout.ts';

const HIGH = 2 ** 32;

/** An entry's halves, and with extended L2 entries those of its bitmap. */
export interface L2Entry {
  readonly high: number;
  readonly low: number;
  /** One bit a subcluster: it reads as zeros. */
  readonly zeroBits: number;
  /** One bit a subcluster: it is allocated. */
  readonly allocatedBits: number;
}

/** The entries of a table of whichever kind. */
export function l2Entry(table: DataView, index: number, entrySize: number): L2Entry {
  const at = index * entrySize;
  const extended = entrySize > ENTRY_SIZE;
  return {
    high: table.getUint32(at),
    low: table.getUint32(at + 4),
    zeroBits: extended ? table.getUint32(at + 8) : 0,
    allocatedBits: extended ? table.getUint32(at + 12) : 0,
  };
}

/** The image offset in an entry of any table, in bytes. Past 2^53 it is not exact, and past every image. */
export function offsetOf(high: number, low: number): number {
  return (high & OFFSET_HIGH) * HIGH + ((low & OFFSET_LOW) >>> 0);
}

export function isCompressed({ high }: L2Entry): boolean {
  return (high & COMPRESSED_HIGH) !== 0;
}

/** Where the data of a compressed cluster begins, and how far it may reach: "Compressed Clusters Descriptor". */
export function compressedExtent(
  { high, low }: L2Entry,
  clusterBits: number,
): { imageOffset: number; imageLength: number } {
  const offsetBits = compressedOffsetBits(clusterBits) - 32; // of the high half
  const descriptor = high & (COMPRESSED_HIGH - 1);
  const imageOffset = (descriptor & (2 ** offsetBits - 1)) * HIGH + low;
  const additional = descriptor >>> offsetBits;
  const imageLength = (1 + additional) * COMPRESSED_SECTOR - (imageOffset % COMPRESSED_SECTOR);
  return { imageOffset, imageLength };
}

/** What is needed to read the entries. */
export interface MapContext {
  readonly header: Header;
  readonly input: ImageInput;
  /** Has the clusters, if `input` has not. */
  readonly dataFile: ImageInput | undefined;
}

/**
 * The stretches of a table's entries that end after the byte `from` of the disk, neighbours joined. `diskOffset` is that of
 * the table's first cluster. Throws a FormatError for an entry that points nowhere.
 */
export function* l2Stretches(
  table: Uint8Array,
  diskOffset: number,
  from: number,
  context: MapContext,
): Generator<ImageExtent> {
  const { clusterSize, l2EntrySize, diskSize } = context.header;
  const first = Math.max(0, Math.floor((from - diskOffset) / clusterSize));
  const view = viewOf(table);
  const count = Math.min(
    table.length / l2EntrySize,
    Math.ceil((diskSize - diskOffset) / clusterSize),
  );
  let pending: ImageExtent | undefined;
  for (let i = first; i < count; i++) {
    const entry = l2Entry(view, i, l2EntrySize);
    if ((entry.high | entry.low | entry.zeroBits) === 0) continue; // as most are, on most disks
    for (const next of clusterStretches(entry, diskOffset + i * clusterSize, context)) {
      if (next.diskOffset + next.diskLength <= from) continue; // a part of the first cluster
      const joined = pending && join(pending, next);
      if (pending && !joined) yield pending;
      pending = joined ?? next;
    }
  }
  if (pending) yield pending;
}

/** One stretch of two that are adjacent on the disk and in the image. */
function join(one: ImageExtent, next: ImageExtent): ImageExtent | undefined {
  if (one.kind !== next.kind || one.diskOffset + one.diskLength !== next.diskOffset)
    return undefined;
  const diskLength = one.diskLength + next.diskLength;
  if (one.kind === 'zeros') return { ...one, diskLength };
  if (one.kind !== 'plain' || next.kind !== 'plain') return undefined;
  return one.imageOffset + one.diskLength === next.imageOffset ? { ...one, diskLength } : undefined;
}

function* clusterStretches(
  entry: L2Entry,
  diskOffset: number,
  context: MapContext,
): Generator<ImageExtent> {
  const { header } = context;
  const { clusterSize } = header;
  if (isCompressed(entry)) {
    yield packed(entry, diskOffset, context);
    return;
  }
  const imageOffset = checkedOffset(entry, context);
  if (header.l2EntrySize > ENTRY_SIZE) {
    yield* subclusterStretches(entry, diskOffset, imageOffset, context);
  } else if ((entry.low & ZERO_LOW) !== 0) {
    if (header.version === 2) throw fault(`a cluster of zeros in version 2, at ${hex(diskOffset)}`);
    yield* zeros(diskOffset, clusterSize, context);
  } else if (imageOffset !== undefined) {
    yield* plain(diskOffset, clusterSize, imageOffset, context);
  }
}

function packed(
  entry: L2Entry,
  diskOffset: number,
  { header, input, dataFile }: MapContext,
): ImageExtent {
  const { imageOffset, imageLength } = compressedExtent(entry, header.clusterBits);
  if (dataFile)
    throw fault(`a compressed cluster with an external data file, at ${hex(imageOffset)}`);
  if (imageOffset >= input.size) throw pastTheEnd('compressed cluster', imageOffset, input);
  return {
    kind: header.compression === 'zstd' ? 'zstd' : 'deflate',
    diskOffset,
    diskLength: header.clusterSize,
    imageOffset,
    // The last sector need not be there in full.
    imageLength: Math.min(imageLength, input.size - imageOffset),
  };
}

/** Where a standard cluster lies; undefined if it lies nowhere. */
function checkedOffset({ high, low }: L2Entry, context: MapContext): number | undefined {
  const { header, input, dataFile } = context;
  const imageOffset = offsetOf(high, low);
  if (imageOffset % header.clusterSize !== 0) {
    throw fault(`a cluster at ${hex(imageOffset)} is not aligned to its size`);
  }
  // Offset 0 is that of a cluster in a data file alone: "Standard Cluster Descriptor".
  if (imageOffset === 0 && !(dataFile && (high & COPIED_HIGH) !== 0)) return undefined;
  const file = dataFile ?? input;
  if (imageOffset >= file.size && (low & ZERO_LOW) === 0) {
    // A data file may end before the disk does, as any raw disk of QEMU's.
    if (!dataFile) throw pastTheEnd('cluster', imageOffset, file);
  }
  return imageOffset;
}

function* subclusterStretches(
  { zeroBits, allocatedBits }: L2Entry,
  diskOffset: number,
  imageOffset: number | undefined,
  context: MapContext,
): Generator<ImageExtent> {
  if ((zeroBits & allocatedBits) !== 0 || (allocatedBits !== 0 && imageOffset === undefined)) {
    throw fault(
      `the subclusters of the disk's cluster at ${hex(diskOffset)} contradict themselves`,
    );
  }
  const size = context.header.clusterSize / SUBCLUSTERS;
  for (let i = 0; i < SUBCLUSTERS; i++) {
    const at = diskOffset + i * size;
    if (((zeroBits >>> i) & 1) !== 0) yield* zeros(at, size, context);
    else if (((allocatedBits >>> i) & 1) !== 0) {
      yield* plain(at, size, (imageOffset ?? 0) + i * size, context);
    }
  }
}

function* zeros(
  diskOffset: number,
  length: number,
  { header }: MapContext,
): Generator<ImageExtent> {
  const diskLength = Math.min(length, header.diskSize - diskOffset);
  if (diskLength > 0) yield { kind: 'zeros', diskOffset, diskLength };
}

/** As much as there is of a cluster; QEMU too reads zeros where an image ends within its last one. */
function* plain(
  diskOffset: number,
  length: number,
  imageOffset: number,
  context: MapContext,
): Generator<ImageExtent> {
  const { header, input, dataFile } = context;
  const onDisk = Math.min(length, header.diskSize - diskOffset);
  const stored = Math.max(0, Math.min(onDisk, (dataFile ?? input).size - imageOffset));
  if (stored > 0)
    yield { kind: 'plain', diskOffset, diskLength: stored, imageOffset, input: dataFile };
  if (onDisk > stored) yield* zeros(diskOffset + stored, onDisk - stored, context);
}

function pastTheEnd(what: string, imageOffset: number, { size }: ImageInput) {
  return fault(
    `a ${what} at ${hex(imageOffset)}`,
    `the image ends at ${hex(size)}: it is cut off or damaged`,
  );
}
