// The header of an image, checked against the size of the image and against QEMU's limits.
//   header (72 bytes in version 2), extensions, name of the backing file; all in the first cluster

import type { ImageInput } from '../contract.ts';
import { decodeExtensions, type Extensions, featureNamesOf, textOf } from './decode-extensions.ts';
import { damaged, tableProblem, unsupported } from './faults.ts';
import {
  additionalFields,
  BACKING_FORMAT,
  BITMAPS,
  BITMAPS_VALID,
  bitmaps,
  COMPRESSION_TYPE,
  COMPRESSION_TYPE_ZSTD,
  CORRUPT,
  DATA_FILE,
  DIRTY,
  ENTRY_SIZE,
  EXTENDED_L2,
  EXTERNAL_DATA,
  header,
  LAZY_REFCOUNTS,
  MAGIC,
  MAX_BACKING_NAME,
  MAX_BITMAPS,
  MAX_CLUSTER_BITS,
  MAX_L1_SIZE,
  MAX_REFCOUNT_ORDER,
  MAX_REFCOUNT_TABLE_SIZE,
  MAX_SNAPSHOTS,
  MIN_CLUSTER_BITS,
  MIN_EXTENDED_CLUSTER_BITS,
  REFCOUNT_ORDER,
  snapshot,
  VERSION_2_SIZE,
} from './layout.ts';

/** A header whose values are within bounds. Offsets and sizes are in bytes. */
export interface Header {
  readonly version: number;
  readonly diskSize: number;
  readonly clusterBits: number;
  readonly clusterSize: number;
  /** Size of an L2 entry: 8, or 16 with a bitmap of subclusters. */
  readonly l2EntrySize: number;
  readonly l1: { readonly offset: number; readonly entryCount: number };
  readonly refcountTable: { readonly offset: number; readonly size: number };
  /** Refcounts are 2 ** refcountOrder bits wide. */
  readonly refcountOrder: number;
  readonly snapshots: { readonly offset: number; readonly count: number };
  /** Undefined if there are none, or if the image says that they are out of date. */
  readonly bitmaps:
    { readonly offset: number; readonly size: number; readonly count: number } | undefined;
  readonly compression: 'zlib' | 'zstd';
  readonly dirty: boolean;
  readonly corrupt: boolean;
  readonly lazyRefcounts: boolean;
  readonly backing: { readonly file: string; readonly format: string | undefined } | undefined;
  /** Name of the external data file, which then holds the clusters of the disk. */
  readonly dataFile: string | undefined;
}

type RawHeader = ReturnType<typeof header.decode>;

/** Reads the header. Rejects with a FormatError if the image is not a qcow2 that can be read. */
export async function readHeader(input: ImageInput): Promise<Header> {
  const head = await input.read(0, Math.min(input.size, 2 ** MAX_CLUSTER_BITS));
  const raw = decodeRaw(head);
  const { clusterBits } = raw;
  if (clusterBits < MIN_CLUSTER_BITS || clusterBits > MAX_CLUSTER_BITS) {
    throw unsupported(`clusters of 2^${clusterBits} bytes, 2^9 to 2^21 are supported`);
  }
  const clusterSize = 2 ** clusterBits;
  const first = head.subarray(0, clusterSize);
  if (raw.headerLength > first.length) {
    throw damaged(`a header of ${raw.headerLength} bytes, the first cluster has ${first.length}`);
  }
  // As in QEMU, the extensions end where the name of the backing file begins.
  const named = raw.backingFileOffset > 0n && raw.backingFileOffset < BigInt(first.length);
  const end = named ? Number(raw.backingFileOffset) : first.length;
  const extensions = decodeExtensions(first, raw.headerLength, end);
  const l2EntrySize = checkFeatures(raw, extensions) ? 2 * ENTRY_SIZE : ENTRY_SIZE;
  return {
    version: raw.version,
    clusterBits,
    clusterSize,
    l2EntrySize,
    ...decodeMap(raw, (clusterSize / l2EntrySize) * clusterSize, input.size),
    refcountTable: {
      offset: Number(raw.refcountTableOffset),
      size: refcountTableSize(raw, clusterSize),
    },
    refcountOrder: raw.refcountOrder,
    snapshots: decodeSnapshotTable(raw, clusterSize, input.size),
    bitmaps: decodeBitmaps(raw, extensions, input.size),
    compression: compressionOf(raw, first),
    dirty: (raw.incompatibleFeatures & DIRTY) !== 0n,
    corrupt: (raw.incompatibleFeatures & CORRUPT) !== 0n,
    lazyRefcounts: (raw.compatibleFeatures & LAZY_REFCOUNTS) !== 0n,
    backing: backingOf(raw, first, extensions),
    dataFile: dataFileOf(raw, extensions),
  };
}

/** The header of either version, with the fields that version 2 lacks. */
function decodeRaw(head: Uint8Array): RawHeader {
  if (head.length < VERSION_2_SIZE) {
    throw damaged(`the image has ${head.length} bytes, its header alone has ${VERSION_2_SIZE}`);
  }
  const padded = new Uint8Array(header.size);
  padded.set(head.subarray(0, header.size));
  const raw = header.decode(padded);
  if (raw.magic !== MAGIC) throw damaged('the image does not begin with "QFI"');
  if (raw.version === 2) {
    return {
      ...raw,
      incompatibleFeatures: 0n,
      compatibleFeatures: 0n,
      autoclearFeatures: 0n,
      refcountOrder: REFCOUNT_ORDER,
      headerLength: VERSION_2_SIZE,
    };
  }
  if (raw.version !== 3) {
    throw unsupported(`the image has version ${raw.version}, versions 2 and 3 are supported`);
  }
  if (raw.headerLength < header.size) {
    throw damaged(`a header of ${raw.headerLength} bytes, in version 3 it has at least 104`);
  }
  return raw;
}

/** Refuses features that are not implemented. Returns whether L2 entries are extended. */
function checkFeatures(raw: RawHeader, extensions: Extensions): boolean {
  const known = DIRTY | CORRUPT | EXTERNAL_DATA | COMPRESSION_TYPE | EXTENDED_L2;
  const unknown = raw.incompatibleFeatures & ~known;
  if (unknown !== 0n) {
    const names = featureNamesOf(unknown, extensions);
    throw unsupported(`the image needs ${names}, which is not supported`);
  }
  if (raw.cryptMethod !== 0) {
    const method = ['', 'AES', 'LUKS'][raw.cryptMethod] ?? `method ${raw.cryptMethod}`;
    throw unsupported(`the image is encrypted (${method})`);
  }
  if (raw.refcountOrder > MAX_REFCOUNT_ORDER) {
    throw damaged(`refcounts of 2^${raw.refcountOrder} bits, they have at most 64`);
  }
  const isExtended = (raw.incompatibleFeatures & EXTENDED_L2) !== 0n;
  if (isExtended && raw.clusterBits < MIN_EXTENDED_CLUSTER_BITS) {
    const found = `extended L2 entries for clusters of 2^${raw.clusterBits} bytes`;
    throw damaged(`${found}, they need at least 2^${MIN_EXTENDED_CLUSTER_BITS}`);
  }
  return isExtended;
}

/** The L1 table of a disk, of the header or of a snapshot. Throws a FormatError if it is wrong. */
export function decodeMap(
  raw: Pick<RawHeader, 'size' | 'clusterBits' | 'l1Size' | 'l1TableOffset'>,
  l2Span: number,
  imageSize: number,
): Pick<Header, 'diskSize' | 'l1'> {
  if (raw.size > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw unsupported(`a disk of ${raw.size} bytes, at most 8 PiB can be read`);
  }
  const diskSize = Number(raw.size);
  const { l1Size: entryCount } = raw;
  const offset = Number(raw.l1TableOffset);
  const size = entryCount * ENTRY_SIZE;
  if (size > MAX_L1_SIZE) {
    throw unsupported(`an L1 table of ${size} bytes, QEMU's limit is ${MAX_L1_SIZE}`);
  }
  const needed = Math.ceil(diskSize / l2Span);
  if (entryCount < needed) {
    throw damaged(`${entryCount} L1 entries, a disk of ${diskSize} bytes needs ${needed}`);
  }
  checkPlace(`the L1 table`, { offset, size }, 2 ** raw.clusterBits, imageSize);
  return { diskSize, l1: { offset, entryCount } };
}

function checkPlace(...place: Parameters<typeof tableProblem>): void {
  const problem = tableProblem(...place);
  if (problem !== undefined) throw damaged(problem);
}

function refcountTableSize(raw: RawHeader, clusterSize: number): number {
  const size = raw.refcountTableClusters * clusterSize;
  if (size <= MAX_REFCOUNT_TABLE_SIZE) return size;
  throw unsupported(
    `a refcount table of ${size} bytes, QEMU's limit is ${MAX_REFCOUNT_TABLE_SIZE}`,
  );
}

function decodeSnapshotTable(
  raw: RawHeader,
  clusterSize: number,
  imageSize: number,
): Header['snapshots'] {
  const { snapshotCount: count, snapshotsOffset } = raw;
  if (count === 0) return { offset: 0, count };
  if (count > MAX_SNAPSHOTS) {
    throw unsupported(`${count} snapshots, QEMU's limit is ${MAX_SNAPSHOTS}`);
  }
  const offset = Number(snapshotsOffset);
  const size = count * snapshot.size; // without the names
  checkPlace('the snapshot table', { offset, size }, clusterSize, imageSize);
  return { offset, count };
}

function decodeBitmaps(
  raw: RawHeader,
  extensions: Extensions,
  imageSize: number,
): Header['bitmaps'] {
  const bytes = extensions.get(BITMAPS);
  if (!bytes || (raw.autoclearFeatures & BITMAPS_VALID) === 0n) return undefined;
  if (bytes.length !== bitmaps.size) {
    throw damaged(`a bitmaps extension of ${bytes.length} bytes, expected ${bitmaps.size}`);
  }
  const { count, directoryOffset, directorySize } = bitmaps.decode(bytes);
  if (count > MAX_BITMAPS) {
    throw unsupported(`${count} bitmaps, QEMU's limit is ${MAX_BITMAPS}`);
  }
  const place = { offset: Number(directoryOffset), size: Number(directorySize) };
  checkPlace('the bitmap directory', place, 2 ** raw.clusterBits, imageSize);
  return { ...place, count };
}

function compressionOf(raw: RawHeader, first: Uint8Array): Header['compression'] {
  const isPresent = raw.version > 2 && raw.headerLength > header.size;
  const type = isPresent ? additionalFields.decode(first.subarray(header.size)).compressionType : 0;
  const isFlagged = (raw.incompatibleFeatures & COMPRESSION_TYPE) !== 0n;
  if (isFlagged !== (type !== 0)) {
    throw damaged(`compression type ${type}, which contradicts its feature bit`);
  }
  if (type > COMPRESSION_TYPE_ZSTD) {
    throw unsupported(`compression type ${type}, 0 (zlib) and 1 (zstd) are supported`);
  }
  return type === 0 ? 'zlib' : 'zstd';
}

function backingOf(raw: RawHeader, first: Uint8Array, extensions: Extensions): Header['backing'] {
  if (raw.backingFileOffset === 0n) return undefined;
  const { backingFileSize: size } = raw;
  const offset = Number(raw.backingFileOffset);
  if (size > MAX_BACKING_NAME) {
    throw damaged(`a backing file with a name of ${size} bytes, at most ${MAX_BACKING_NAME}`);
  }
  if (offset + size > first.length) {
    throw damaged('the name of the backing file runs past the end of the first cluster');
  }
  const format = extensions.get(BACKING_FORMAT);
  return {
    file: textOf(first.subarray(offset, offset + size)),
    format: format && textOf(format),
  };
}

function dataFileOf(raw: RawHeader, extensions: Extensions): string | undefined {
  if ((raw.incompatibleFeatures & EXTERNAL_DATA) === 0n) return undefined;
  const name = extensions.get(DATA_FILE);
  if (!name) throw unsupported('the disk is in an external data file that the image does not name');
  return textOf(name.subarray(0, MAX_BACKING_NAME));
}
