import {
  FEATURE_DEDUP,
  FEATURE_DEDUP_PROPERTIES,
  FEATURE_NAMES,
  FEATURE_RAW,
  FEATURE_REDACTED,
  FEATURE_RESUMING,
  FEATURES_SHIFT,
  VOLUME,
} from './layout.ts';
import type { StreamRecord } from './record-reader.ts';
import { type RefusalReason, StreamRefusal } from './refusal.ts';

/** What a stream says about itself at its beginning. */
export interface StreamFacts {
  /** `POOL/VOLUME@SNAPSHOT`, the name on the sending side. */
  readonly snapshot: string;
  /** The guid of the snapshot. */
  readonly guid: bigint;
  /** The guid of the snapshot that it starts from; undefined for a full stream. */
  readonly fromGuid: bigint | undefined;
  /** Seconds since 1970. */
  readonly createdAt: number;
  /** Whether it is the stream of a volume, not of a file system. */
  readonly isVolume: boolean;
  /** FEATURE_* bits. */
  readonly features: bigint;
}

/** Decodes a BEGIN record. */
export function streamFacts({ bytes, structs }: StreamRecord): StreamFacts {
  const begin = structs.begin.decode(bytes);
  return {
    snapshot: begin.toName,
    guid: begin.toGuid,
    fromGuid: begin.fromGuid === 0n ? undefined : begin.fromGuid,
    createdAt: Number(begin.creationTime),
    isVolume: begin.objectSetType === VOLUME,
    features: begin.versionInfo >> FEATURES_SHIFT,
  };
}

/** Names of the features that a stream uses. */
export function featureNames(features: bigint): string[] {
  return bitsOf(features).map((bit) => FEATURE_NAMES[bit] ?? `unknown (bit ${bit})`);
}

/** Throws a StreamRefusal for a stream that no disk can be made of. */
export function checkUsable({ snapshot, features, isVolume }: StreamFacts): void {
  const refuse = (reason: RefusalReason, what: string) => {
    throw new StreamRefusal(reason, `the stream of ${snapshot} ${what}`);
  };
  const unknown = bitsOf(features).filter((bit) => FEATURE_NAMES[bit] === undefined);
  if (unknown.length > 0) refuse('features', `uses unknown features (bit ${unknown.join(', ')})`);
  if ((features & FEATURE_RESUMING) !== 0n) {
    refuse('resumed', 'is the rest of an interrupted stream');
  }
  checkReadable({ snapshot, features });
  if ((features & FEATURE_REDACTED) !== 0n) refuse('redacted', 'is redacted: parts are left out');
  if ((features & (FEATURE_DEDUP | FEATURE_DEDUP_PROPERTIES)) !== 0n) {
    refuse('deduplicated', 'is deduplicated');
  }
  if (!isVolume) refuse('file-system', 'is that of a file system, not of a volume');
}

/** Throws a StreamRefusal for a stream whose blocks cannot be decompressed. */
export function checkReadable({
  snapshot,
  features,
}: Pick<StreamFacts, 'snapshot' | 'features'>): void {
  if ((features & FEATURE_RAW) === 0n) return;
  const what = `the stream of ${snapshot} is raw: its blocks are encrypted`;
  throw new StreamRefusal('encrypted', what);
}

function bitsOf(features: bigint): number[] {
  const bits = [];
  for (let bit = 0; features >> BigInt(bit) !== 0n; bit++) {
    if (((features >> BigInt(bit)) & 1n) === 1n) bits.push(bit);
  }
  return bits;
}
