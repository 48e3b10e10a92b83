// The header of an image by whomever, checked against the image's size and against QEMU's limits:
//   header (72 bytes in version 2), extensions, name of the backing file; all in the first cluster

import type { ImageInput } from '../contract.ts';
import {
  type Extensions,
  fault,
  hex,
  namesOf,
  readExtensions,
  textOf,
  unsupported,
} from './extensions.ts';
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
  MAX_CLUSTER_BITS,
  MAX_L1_SIZE,
  MAX_REFCOUNT_ORDER,
  MAX_REFCOUNT_TABLE_SIZE,
  MAX_SNAPSHOTS,
  MIN_CLUSTER_BITS,
  REFCOUNT_ORDER,
  VERSION_2_SIZE,
} from './layout.ts';

/** What the header says, all of it within bounds. Offsets and sizes are in bytes. */
export interface Header {
  readonly version: number;
  readonly diskSize: number;
  readonly clusterBits: number;
  readonly clusterSize: number;
  /** Of an L2 entry: 8, or 16 if it has a bitmap of subclusters. */
  readonly l2EntrySize: number;
  readonly l1: { readonly offset: number; readonly entryCount: number };
  readonly refcountTable: { readonly offset: number; readonly size: number };
  /** Refcounts are 2 ** refcountOrder bits wide. */
  readonly refcountOrder: number;
  readonly snapshots: { readonly offset: number; readonly count: number };
  /** Undefined also if the image says that they are out of date. */
  readonly bitmaps:
    { readonly offset: number; readonly size: number; readonly count: number } | undefined;
  readonly compression: 'zlib' | 'zstd';
  readonly dirty: boolean;
  readonly corrupt: boolean;
  readonly lazyRefcounts: boolean;
  readonly backing: { readonly file: string; readonly format: string | undefined } | undefined;
  /** Name of the file that has the clusters of the disk, if this one has not. */
  readonly dataFile: string | undefined;
}

type RawHeader = ReturnType<typeof header.decode>;

/** The longest name of another file that QEMU takes, in bytes. */
const MAX_NAME = 1023;

/** Reads and checks the header. Throws a FormatError for what is no such image, or cannot be read as one. */
export async function readHeader(input: ImageInput): Promise<Header> {
  const head = await input.read(0, Math.min(input.size, 2 ** MAX_CLUSTER_BITS));
  const raw = decodeHeader(head);
  const { clusterBits } = raw;
  if (clusterBits < MIN_CLUSTER_BITS || clusterBits > MAX_CLUSTER_BITS) {
    throw unsupported(`clusters of 2^${clusterBits} bytes`, 'they are 2^9 to 2^21');
  }
  const clusterSize = 2 ** clusterBits;
  const first = head.subarray(0, clusterSize);
  if (raw.headerLength > first.length) throw fault(`a header of ${raw.headerLength} bytes`);
  // QEMU too takes the name of the backing file for the end of the extensions.
  const named = raw.backingFileOffset > 0n && raw.backingFileOffset < BigInt(first.length);
  const end = named ? Number(raw.backingFileOffset) : first.length;
  const extensions = readExtensions(first, raw.headerLength, end);
  const extendedL2 = checkFeatures(raw, extensions);
  const l2EntrySize = extendedL2 ? 2 * ENTRY_SIZE : ENTRY_SIZE;
  return {
    version: raw.version,
    clusterBits,
    clusterSize,
    l2EntrySize,
    ...checkMap(raw, (clusterSize / l2EntrySize) * clusterSize, input.size),
    refcountTable: {
      offset: Number(raw.refcountTableOffset),
      size: checkRefcountTable(raw, clusterSize),
    },
    refcountOrder: raw.refcountOrder,
    snapshots: checkSnapshots(raw, clusterSize, input.size),
    bitmaps: readBitmaps(raw, extensions, input.size),
    compression: compressionOf(raw, first),
    dirty: (raw.incompatibleFeatures & DIRTY) !== 0n,
    corrupt: (raw.incompatibleFeatures & CORRUPT) !== 0n,
    lazyRefcounts: (raw.compatibleFeatures & LAZY_REFCOUNTS) !== 0n,
    backing: backingOf(raw, first, extensions),
    dataFile: dataFileOf(raw, extensions),
  };
}

function decodeHeader(head: Uint8Array): RawHeader {
  if (head.length < VERSION_2_SIZE) throw fault(`${head.length} bytes`, 'a header has 72');
  const padded = new Uint8Array(header.size);
  padded.set(head.subarray(0, header.size));
  const raw = header.decode(padded);
  if (raw.magic !== MAGIC) throw fault('the image does not begin with "QFI"');
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
  if (raw.version !== 3) throw unsupported(`version ${raw.version}`, 'versions 2 and 3 are known');
  if (raw.headerLength < header.size) throw fault(`a header of ${raw.headerLength} bytes`);
  return raw;
}

/** Refuses what this reader cannot do, by its name. Returns whether L2 entries are extended. */
function checkFeatures(raw: RawHeader, extensions: Extensions): boolean {
  const known = DIRTY | CORRUPT | EXTERNAL_DATA | COMPRESSION_TYPE | EXTENDED_L2;
  const unknown = raw.incompatibleFeatures & ~known;
  if (unknown !== 0n)
    throw unsupported(`the image needs ${namesOf(unknown, extensions)}`, 'not known here');
  if (raw.cryptMethod !== 0) {
    const method = ['', 'AES', 'LUKS'][raw.cryptMethod] ?? `method ${raw.cryptMethod}`;
    throw unsupported(`the image is encrypted (${method})`, 'that cannot be read');
  }
  if (raw.refcountOrder > MAX_REFCOUNT_ORDER) {
    throw fault(`refcounts of 2^${raw.refcountOrder} bits`, 'they are at most 64 bits wide');
  }
  const extended = (raw.incompatibleFeatures & EXTENDED_L2) !== 0n;
  // QCOW_EXTL2_SUBCLUSTERS_PER_CLUSTER: a subcluster is a sector at least.
  if (extended && raw.clusterBits < 14) {
    throw fault(`extended L2 entries with clusters of 2^${raw.clusterBits} bytes`);
  }
  return extended;
}

function checkMap(
  raw: RawHeader,
  l2Span: number,
  imageSize: number,
): Pick<Header, 'diskSize' | 'l1'> {
  if (raw.size > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw unsupported(`a disk of ${raw.size} bytes`, 'at most 8 PiB can be read');
  }
  const diskSize = Number(raw.size);
  const { l1Size: entryCount } = raw;
  const offset = Number(raw.l1TableOffset);
  const size = entryCount * ENTRY_SIZE;
  if (size > MAX_L1_SIZE) throw unsupported(`an L1 table of ${size} bytes`, 'QEMU takes 32 MiB');
  if (entryCount < Math.ceil(diskSize / l2Span)) {
    throw fault(`${entryCount} L1 entries for a disk of ${diskSize} bytes`);
  }
  if (offset % 2 ** raw.clusterBits !== 0 || offset + size > imageSize) {
    const where = `an L1 table of ${size} bytes at ${hex(offset)}`;
    throw fault(where, `the image has ${hex(imageSize)} bytes`);
  }
  return { diskSize, l1: { offset, entryCount } };
}

function checkRefcountTable(raw: RawHeader, clusterSize: number): number {
  const size = raw.refcountTableClusters * clusterSize;
  if (size <= MAX_REFCOUNT_TABLE_SIZE) return size;
  throw unsupported(`a refcount table of ${size} bytes`, 'QEMU takes 8 MiB');
}

function checkSnapshots(
  raw: RawHeader,
  clusterSize: number,
  imageSize: number,
): Header['snapshots'] {
  const { snapshotCount: count, snapshotsOffset } = raw;
  if (count === 0) return { offset: 0, count };
  const offset = Number(snapshotsOffset);
  if (count > MAX_SNAPSHOTS) {
    throw unsupported(`${count} snapshots`, `QEMU takes ${MAX_SNAPSHOTS}`);
  }
  if (offset % clusterSize !== 0 || offset >= imageSize) {
    throw fault(`${count} snapshots at ${hex(offset)}`);
  }
  return { offset, count };
}

function readBitmaps(raw: RawHeader, extensions: Extensions, imageSize: number): Header['bitmaps'] {
  const bytes = extensions.get(BITMAPS);
  if (!bytes || (raw.autoclearFeatures & BITMAPS_VALID) === 0n) return undefined;
  if (bytes.length !== bitmaps.size) throw fault(`a bitmaps extension of ${bytes.length} bytes`);
  const { count, directoryOffset, directorySize } = bitmaps.decode(bytes);
  const offset = Number(directoryOffset);
  const size = Number(directorySize);
  if (offset % 2 ** raw.clusterBits === 0 && offset + size <= imageSize)
    return { offset, size, count };
  throw fault(`a bitmap directory of ${size} bytes at ${hex(offset)}`);
}

function compressionOf(raw: RawHeader, first: Uint8Array): Header['compression'] {
  const present = raw.version > 2 && raw.headerLength > header.size;
  const type = present ? additionalFields.decode(first.subarray(header.size)).compressionType : 0;
  const flagged = (raw.incompatibleFeatures & COMPRESSION_TYPE) !== 0n;
  if (flagged !== (type !== 0))
    throw fault(`compression type ${type}`, 'its feature bit disagrees');
  if (type > COMPRESSION_TYPE_ZSTD)
    throw unsupported(`compression type ${type}`, 'zlib (0) and zstd (1) are known');
  return type === 0 ? 'zlib' : 'zstd';
}

function backingOf(raw: RawHeader, first: Uint8Array, extensions: Extensions): Header['backing'] {
  if (raw.backingFileOffset === 0n) return undefined;
  const { backingFileSize: size } = raw;
  const offset = Number(raw.backingFileOffset);
  if (size > MAX_NAME || offset + size > first.length) {
    throw fault(`the name of a backing file of ${size} bytes at ${hex(offset)}`);
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
  if (!name)
    throw unsupported('the disk is in an external data file', 'the image does not name it');
  return textOf(name.subarray(0, MAX_NAME));
}
