// The header cluster: header, header extensions, the name of the backing file.

import { FormatError } from '../errors.ts';
import { viewOf } from '../struct.ts';
import type { Encoding } from '../contract.ts';
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
  REFCOUNT_ORDER,
  SNAPSHOT_GUID,
} from './layout.ts';

/** The longest name of a backing file, in bytes: the specification's. */
const MAX_BACKING_NAME = 1023;

/** What is below an image. */
export interface Backing {
  /** As the image names it: a path, from the folder of the image if it is not absolute. */
  readonly file: string;
  /** `qcow2` or `raw`. */
  readonly format: string;
}

/** What the header tells; sizes and offsets in bytes. */
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
  /** Of the ZFS snapshot whose disk the image holds. */
  readonly snapshotGuid: bigint | undefined;
  /** They do not fit into small clusters. */
  readonly withFeatureNames: boolean;
}

/** Encodes what an image begins with. Throws a FormatError if it is longer than a cluster. */
export function encodeHeader(facts: HeaderFacts): Uint8Array {
  const { backing, snapshotGuid, withFeatureNames, clusterBits = CLUSTER_BITS } = facts;
  const zstd = facts.compression === 'zstd';
  const additional = zstd ? [encodeAdditional()] : [];
  const extensions = [
    ...(backing ? encodeExtension(BACKING_FORMAT, ascii(backing.format)) : []),
    ...(snapshotGuid === undefined ? [] : encodeExtension(SNAPSHOT_GUID, encodeU64(snapshotGuid))),
    ...(withFeatureNames ? encodeExtension(FEATURE_NAME_TABLE, featureNames()) : []),
    ...encodeExtension(END_OF_EXTENSIONS, new Uint8Array(0)),
  ];
  const backingName = new TextEncoder().encode(backing?.file ?? '');
  const backingOffset = [...additional, ...extensions].reduce(
    (at, { length }) => at + length,
    header.size,
  );
  const size = backingOffset + backingName.length;
  if (backingName.length > MAX_BACKING_NAME || size > 2 ** clusterBits) {
    throw new FormatError(
      'unsupported',
      `qcow2: the name of the backing file is too long: ${backing?.file ?? ''}`,
    );
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
  return concat([head, ...additional, ...extensions, backingName]);
}

function encodeAdditional(): Uint8Array {
  const padding = new Uint8Array(7);
  return additionalFields.encode({ compressionType: COMPRESSION_TYPE_ZSTD, padding });
}

function encodeExtension(type: number, data: Uint8Array): Uint8Array[] {
  const padding = new Uint8Array((8 - (data.length % 8)) % 8);
  return [extension.encode({ type, length: data.length }), data, padding];
}

function featureNames(): Uint8Array {
  return concat(FEATURE_NAMES.map((feature) => featureName.encode(feature)));
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function encodeU64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  viewOf(bytes).setBigUint64(0, value);
  return bytes;
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
