// The entries of an L2 table as extents of the disk.

import type { ImageExtent, ImageInput } from '../contract.ts';
import { joinExtents } from '../join-extents.ts';
import { viewOf } from '../struct.ts';
import type { Header } from './decode-header.ts';
import {
  compressedPlace,
  decodeL2Entry,
  isCompressed,
  type L2Entry,
  offsetOf,
} from './decode-l2-entry.ts';
import { damaged, hexOffset } from './faults.ts';
import { COPIED_HIGH, ENTRY_SIZE, SUBCLUSTERS, ZERO_LOW } from './layout.ts';

/** What is needed to decode an L2 table. */
export interface MapContext {
  readonly header: Header;
  readonly input: ImageInput;
  /** The external data file, which then holds all clusters of the disk. */
  readonly dataFile: ImageInput | undefined;
}

/**
 * The extents of a table that end after the byte `from` of the disk, joined. `diskOffset` is that
 * of the table's first cluster. Throws a FormatError for an entry that cannot be right.
 */
export function l2Extents(
  table: Uint8Array,
  diskOffset: number,
  from: number,
  context: MapContext,
): Iterable<ImageExtent> {
  return joinExtents(tableExtents(table, diskOffset, from, context));
}

function* tableExtents(
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
  const streams = new Set<number>();
  for (let i = first; i < count; i++) {
    const entry = decodeL2Entry(view, i, l2EntrySize);
    if ((entry.high | entry.low | entry.zeroBits) === 0) continue; // as most entries are
    if (isCompressed(entry)) refuseRepeated(entry, streams, context);
    for (const extent of clusterExtents(entry, diskOffset + i * clusterSize, context)) {
      // The first cluster can have subclusters that end before `from`.
      if (extent.diskOffset + extent.diskLength > from) yield extent;
    }
  }
}

/** A table that has one stream for all of its clusters makes a disk of GiB out of some KiB. */
function refuseRepeated(entry: L2Entry, streams: Set<number>, { header }: MapContext): void {
  const { imageOffset } = compressedPlace(entry, header.clusterBits);
  if (streams.has(imageOffset)) {
    throw damaged(`the compressed cluster at ${hexOffset(imageOffset)} is in two places`);
  }
  streams.add(imageOffset);
}

function* clusterExtents(
  entry: L2Entry,
  diskOffset: number,
  context: MapContext,
): Generator<ImageExtent> {
  const { header } = context;
  const { clusterSize } = header;
  if (isCompressed(entry)) {
    yield compressedExtent(entry, diskOffset, context);
    return;
  }
  const imageOffset = checkedOffset(entry, context);
  if (header.l2EntrySize > ENTRY_SIZE) {
    yield* subclusterExtents(entry, diskOffset, imageOffset, context);
  } else if ((entry.low & ZERO_LOW) !== 0) {
    if (header.version === 2) {
      const where = `the cluster for byte ${diskOffset} of the disk`;
      throw damaged(`${where} is marked as zeros, which version 2 does not have`);
    }
    yield* zeroExtent(diskOffset, clusterSize, context);
  } else if (imageOffset !== undefined) {
    yield* plainExtent(diskOffset, clusterSize, imageOffset, context);
  }
}

function compressedExtent(
  entry: L2Entry,
  diskOffset: number,
  { header, input, dataFile }: MapContext,
): ImageExtent {
  const { imageOffset, imageLength } = compressedPlace(entry, header.clusterBits);
  if (dataFile) {
    const where = `the cluster for byte ${diskOffset} of the disk`;
    throw damaged(`${where} is compressed, though the image has an external data file`);
  }
  if (imageOffset >= input.size) throw pastTheEnd('compressed cluster', imageOffset, input);
  return {
    kind: header.compression === 'zstd' ? 'zstd' : 'deflate',
    diskOffset,
    diskLength: header.clusterSize,
    imageOffset,
    // The image may end within the last sector.
    imageLength: Math.min(imageLength, input.size - imageOffset),
  };
}

/** Where a standard cluster lies; undefined if it is not allocated. */
function checkedOffset(entry: L2Entry, context: MapContext): number | undefined {
  const { header, input, dataFile } = context;
  const imageOffset = offsetOf(entry);
  if (imageOffset % header.clusterSize !== 0) {
    throw damaged(`the cluster at ${hexOffset(imageOffset)} is not aligned to its size`);
  }
  // Only an external data file has a cluster at offset 0: "Standard Cluster Descriptor".
  if (imageOffset === 0 && !(dataFile && (entry.high & COPIED_HIGH) !== 0)) return undefined;
  // A data file may end before the disk does, as any raw disk of QEMU.
  if (!dataFile && imageOffset >= input.size && (entry.low & ZERO_LOW) === 0) {
    throw pastTheEnd('cluster', imageOffset, input);
  }
  return imageOffset;
}

function* subclusterExtents(
  { zeroBits, allocatedBits }: L2Entry,
  diskOffset: number,
  imageOffset: number | undefined,
  context: MapContext,
): Generator<ImageExtent> {
  if ((zeroBits & allocatedBits) !== 0 || (allocatedBits !== 0 && imageOffset === undefined)) {
    throw damaged(
      `the subclusters of the cluster for byte ${diskOffset} of the disk contradict each other`,
    );
  }
  const size = context.header.clusterSize / SUBCLUSTERS;
  for (let i = 0; i < SUBCLUSTERS; i++) {
    const at = diskOffset + i * size;
    if (((zeroBits >>> i) & 1) !== 0) yield* zeroExtent(at, size, context);
    else if (((allocatedBits >>> i) & 1) !== 0) {
      yield* plainExtent(at, size, (imageOffset ?? 0) + i * size, context);
    }
  }
}

function* zeroExtent(
  diskOffset: number,
  length: number,
  { header }: MapContext,
): Generator<ImageExtent> {
  const diskLength = Math.min(length, header.diskSize - diskOffset);
  if (diskLength > 0) yield { kind: 'zeros', diskOffset, diskLength };
}

/** The part of a cluster that is in the file. The rest reads as zeros, as in QEMU. */
function* plainExtent(
  diskOffset: number,
  length: number,
  imageOffset: number,
  context: MapContext,
): Generator<ImageExtent> {
  const { header, input, dataFile } = context;
  const onDisk = Math.min(length, header.diskSize - diskOffset);
  const stored = Math.max(0, Math.min(onDisk, (dataFile ?? input).size - imageOffset));
  if (stored > 0) {
    yield { kind: 'plain', diskOffset, diskLength: stored, imageOffset, input: dataFile };
  }
  if (onDisk > stored) yield* zeroExtent(diskOffset + stored, onDisk - stored, context);
}

function pastTheEnd(what: string, imageOffset: number, { size }: ImageInput) {
  const where = `the ${what} at ${hexOffset(imageOffset)}`;
  return damaged(`${where} is past the end of the image (${hexOffset(size)}): it was cut off`);
}
