// The header cluster: header, header extensions, name of the backing file.

import { joinBytes } from '../join-bytes.ts';
import type { Encoding } from '../contract.ts';
import { paddingAfter } from '../rounding.ts';
import { viewOf } from '../struct.ts';
import { unsupported } from './faults.ts';
import {
  additionalFields,
  BACKING_FORMAT,
  CLUSTER_BITS,
  COMPRESSION_TYPE,
  COMPRESSION_TYPE_ZSTD,
  END_OF_EXTENSIONS,
  extension,
  FEATURE_NAME_TABLE,
  FEATURE_NAMES,
  featureName,
  header,
  MAGIC,
  MAX_BACKING_NAME,
  REFCOUNT_ORDER,
  SNAPSHOT_GUID,
} from './layout.ts';

/** The backing file of an overlay. */
export interface Backing {
  /** Its name in the image: a path, relative to the folder of the image. */
  readonly file: string;
  /** `qcow2` or `raw`. */
  readonly format: string;
}

/** The values of a header. Sizes and offsets are in bytes. */
export interface HeaderFacts {
  readonly diskSize: number;
  /** Default: CLUSTER_BITS. */
  readonly clusterBits?: number;
  /** Default: zlib. */
  readonly compression?: Encoding['kind'];
  /** Entries of the L1 table. */
  readonly l1Size: number;
  readonly l1TableOffset: number;
  readonly refcountTableOffset: number;
  readonly refcountTableClusters: number;
  readonly backing?: Backing;
  /** The guid of the ZFS snapshot whose disk the image holds. */
  readonly snapshotGuid: bigint | undefined;
  /** Whether to include the feature name table, which does not fit into small clusters. */
  readonly withFeatureNames: boolean;
}

/** Encodes the beginning of an image. Throws a FormatError if it is longer than a cluster. */
export function encodeHeader(facts: HeaderFacts): Uint8Array {
  const { backing, snapshotGuid, withFeatureNames, clusterBits = CLUSTER_BITS } = facts;
  const zstd = facts.compression === 'zstd';
  const additional = zstd ? [encodeAdditional()] : [];
  const extensions = [
    ...(backing ? encodeExtension(BACKING_FORMAT, utf8(backing.format)) : []),
    ...(snapshotGuid === undefined ? [] : encodeExtension(SNAPSHOT_GUID, encodeU64(snapshotGuid))),
    ...(withFeatureNames ? encodeExtension(FEATURE_NAME_TABLE, featureNames()) : []),
    ...encodeExtension(END_OF_EXTENSIONS, new Uint8Array(0)),
  ];
  const backingName = utf8(backing?.file ?? '');
  const backingOffset = [...additional, ...extensions].reduce(
    (at, { length }) => at + length,
    header.size,
  );
  const room = Math.min(MAX_BACKING_NAME, 2 ** clusterBits - backingOffset);
  if (backingName.length > room) {
    const found = `the name of the backing file has ${backingName.length} bytes`;
    throw unsupported(`${found}, there is room for ${room}: ${backing?.file ?? ''}`);
  }
  const head = header.encode({
    magic: MAGIC,
    version: 3,
    backingFileOffset: backing ? BigInt(backingOffset) : 0n,
    backingFileSize: backingName.length,
    clusterBits,
    size: BigInt(facts.diskSize),
    cryptMethod: 0,
    l1Size: facts.l1Size,
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
  });
  return joinBytes([head, ...additional, ...extensions, backingName]);
}

function encodeAdditional(): Uint8Array {
  const padding = new Uint8Array(7);
  return additionalFields.encode({ compressionType: COMPRESSION_TYPE_ZSTD, padding });
}

function encodeExtension(type: number, data: Uint8Array): Uint8Array[] {
  const padding = new Uint8Array(paddingAfter(data.length, 8));
  return [extension.encode({ type, length: data.length }), data, padding];
}

function featureNames(): Uint8Array {
  return joinBytes(FEATURE_NAMES.map((feature) => featureName.encode(feature)));
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function encodeU64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  viewOf(bytes).setBigUint64(0, value);
  return bytes;
}
