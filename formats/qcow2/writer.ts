// Writes a qcow2 image, version 3, front to back:
//   header cluster   left empty, patched in at the end
//   data             compressed blocks packed together; blocks that do not shrink in clusters of their own
//   L2 tables        each after the last block that it maps (512 MiB of disk); refcount blocks likewise
//   L1 table, refcount table
// Blocks that are never added stay unallocated, which reads as zeros.

import {
  BLOCK_SIZE,
  type Block,
  type Encoding,
  type FormatWriter,
  type ImageOutput,
} from '../contract.ts';
import { viewOf } from '../struct.ts';
import { clusters } from './clusters.ts';
import {
  additionalFields,
  CLUSTER_BITS,
  CLUSTER_SIZE,
  COMPRESSED,
  COMPRESSED_SECTOR,
  compressedOffsetBits,
  COMPRESSION_TYPE,
  COMPRESSION_TYPE_ZSTD,
  COPIED,
  END_OF_EXTENSIONS,
  ENTRY_SIZE,
  extension,
  FEATURE_NAME_TABLE,
  FEATURE_NAMES,
  featureName,
  header,
  L2_ENTRIES,
  L2_SPAN,
  MAGIC,
  REFCOUNT_ORDER,
} from './layout.ts';

// Around the deflate stream that a cluster compressed by zlib is, a zlib stream has a header and an Adler-32.
const ZLIB_HEADER = 2;
const ZLIB_TRAILER = 4;

const ADDITIONAL_SHIFT = BigInt(compressedOffsetBits(CLUSTER_BITS));

export function qcow2Writer(output: ImageOutput, encoding: Encoding): FormatWriter {
  const space = clusters(output);
  const l2Offsets: number[] = []; // by L1 index, with holes
  let l1Index = 0;
  let l2 = new Uint8Array(CLUSTER_SIZE);
  let l2Used = false;

  return {
    add(block) {
      const index = Math.floor(block.index / L2_ENTRIES);
      if (index !== l1Index) {
        writeL2();
        l1Index = index;
      }
      const at = (block.index % L2_ENTRIES) * ENTRY_SIZE;
      viewOf(l2).setBigUint64(at, addData(block));
      l2Used = true;
    },
    finish(diskSize) {
      writeL2();
      const l1 = encodeL1(l2Offsets, diskSize);
      const l1TableOffset = space.addWhole(l1);
      const tables = space.finish();
      const { kind } = encoding;
      output.patch(0, encodeHeader({ diskSize, compression: kind, l1, l1TableOffset, ...tables }));
    },
  };

  /** Returns the L2 entry of the block. */
  function addData(block: Block): bigint {
    const packed = block.packed(encoding);
    const data =
      encoding.kind === 'zlib'
        ? packed.subarray(ZLIB_HEADER, packed.length - ZLIB_TRAILER)
        : packed;
    if (data.length >= BLOCK_SIZE) return BigInt(space.addWhole(block.bytes)) | COPIED;
    return compressedDescriptor(space.addPacked(data), data.length);
  }

  function writeL2(): void {
    if (!l2Used) return;
    l2Offsets[l1Index] = space.addWhole(l2);
    l2 = new Uint8Array(CLUSTER_SIZE);
    l2Used = false;
  }
}

/** "Compressed Clusters Descriptor": how many sectors follow the one in which the data begins. */
function compressedDescriptor(imageOffset: number, length: number): bigint {
  const firstSector = Math.floor(imageOffset / COMPRESSED_SECTOR);
  const lastSector = Math.floor((imageOffset + length - 1) / COMPRESSED_SECTOR);
  const additional = BigInt(lastSector - firstSector);
  return COMPRESSED | (additional << ADDITIONAL_SHIFT) | BigInt(imageOffset);
}

function encodeL1(l2Offsets: readonly number[], diskSize: number): Uint8Array {
  const l1 = new Uint8Array(Math.ceil(diskSize / L2_SPAN) * ENTRY_SIZE);
  const view = viewOf(l1);
  l2Offsets.forEach((offset, i) => view.setBigUint64(i * ENTRY_SIZE, BigInt(offset) | COPIED));
  return l1;
}

interface HeaderFacts {
  diskSize: number;
  compression: Encoding['kind'];
  l1: Uint8Array;
  l1TableOffset: number;
  refcountTableOffset: number;
  refcountTableClusters: number;
}

function encodeHeader(facts: HeaderFacts): Uint8Array {
  const names = FEATURE_NAMES.map((feature) => featureName.encode(feature));
  const zstd = facts.compression === 'zstd';
  const additional = zstd
    ? [
        additionalFields.encode({
          compressionType: COMPRESSION_TYPE_ZSTD,
          padding: new Uint8Array(7),
        }),
      ]
    : [];
  const parts = [
    header.encode({
      magic: MAGIC,
      version: 3,
      backingFileOffset: 0n,
      backingFileSize: 0,
      clusterBits: CLUSTER_BITS,
      size: BigInt(facts.diskSize),
      cryptMethod: 0,
      l1Size: facts.l1.length / ENTRY_SIZE,
      l1TableOffset: BigInt(facts.l1TableOffset),
      refcountTableOffset: BigInt(facts.refcountTableOffset),
      refcountTableClusters: facts.refcountTableClusters,
      snapshotCount: 0,
      snapshotsOffset: 0n,
      incompatibleFeatures: zstd ? COMPRESSION_TYPE : 0n,
      compatibleFeatures: 0n,
      autoclearFeatures: 0n,
      refcountOrder: REFCOUNT_ORDER,
      headerLength: header.size + (zstd ? additionalFields.size : 0),
    }),
    ...additional,
    extension.encode({ type: FEATURE_NAME_TABLE, length: names.length * featureName.size }),
    ...names,
    extension.encode({ type: END_OF_EXTENSIONS, length: 0 }),
  ];
  return concat(parts);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
