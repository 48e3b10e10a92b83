// A zfs send stream: the fields of its records, its lists, and the records themselves, which come,
// go and change places. All checksums are made anew, by the lengths that the records then claim.

import { fletcher4 } from '../../../formats/zfs-send/fletcher4.ts';
import * as layout from '../../../formats/zfs-send/layout.ts';
import { payloadLength } from '../../../formats/zfs-send/payload-length.ts';
import { type Mutation, numberAt } from '../mutations.ts';
import { type At, fieldsOf, type Place } from '../place.ts';
import type { Random } from '../random.ts';
import type { Scratch } from '../scratch.ts';

const { RECORD_SIZE, RECORD_CHECKSUM_AT, BEGIN, END } = layout;
const ENDS_OF_PAYLOAD = 4;

interface FoundRecord {
  readonly at: number;
  readonly type: number;
  readonly payload: number;
}

const STRUCTS = [
  ['begin', layout.BEGIN],
  ['object', layout.OBJECT],
  ['freeObjects', layout.FREE_OBJECTS],
  ['write', layout.WRITE],
  ['free', layout.FREE],
  ['end', layout.END],
  ['spill', layout.SPILL],
  ['writeEmbedded', layout.WRITE_EMBEDDED],
] as const;

const VALUES = {
  type: Array.from({ length: 12 }, (_, type) => BigInt(type)),
  object: [0n, 1n, 2n],
  offset: [0n, 512n, 16_384n, 2n ** 53n, 2n ** 63n],
  length: [0n, 512n, 2n ** 64n - 1n],
  logicalSize: [512n, 4096n, 16_384n, 131_072n, 2n ** 24n],
  compression: [0n, 2n, 3n, 4n, 5n, 13n, 14n, 15n, 16n, 17n, 18n],
  versionInfo: [1n, 2n, 3n, 0x404_0001n],
  objectSetType: [2n, 3n],
  checksumType: [0n, 7n, 8n],
};

const PLACES: readonly Place[] = [
  ...STRUCTS.flatMap(([name, type]) =>
    fieldsOf(layout.RECORD_STRUCTS.little[name], { at: recordOf(type) }, VALUES),
  ),
  // The list of a package, the properties of a volume, and compressed data.
  ...([4, 1] as const).map((width): Place => ({ at: payload(width), width, order: 'big' })),
  { at: payload(8), width: 8, order: 'little' },
];

/** `sealStream` follows them. */
export const SEND_CHANGES: readonly Mutation[] = [
  ...Array<Mutation>(4).fill(numberAt(PLACES)),
  moveRecord,
];

/** The records of a stream, as far as their lengths can be right. */
function recordsIn(image: Buffer): FoundRecord[] {
  const records: FoundRecord[] = [];
  for (let at = 0; at + RECORD_SIZE <= image.length;) {
    const type = image.readUInt32LE(at);
    const payload = lengthAfter(image.subarray(at, at + RECORD_SIZE), type);
    if (payload === undefined) break;
    records.push({ at, type, payload });
    at += RECORD_SIZE + payload;
  }
  return records;
}

function lengthAfter(record: Buffer, type: number): number | undefined {
  try {
    return payloadLength(type, record, layout.RECORD_STRUCTS.little);
  } catch {
    return undefined;
  }
}

function recordOf(type: number): At {
  return (image, random) => {
    const found = recordsIn(image).filter((record) => record.type === type);
    return found.length === 0 ? undefined : random.pick(found).at;
  };
}

/** An aligned place in a payload. */
function payload(width: number): At {
  return (image, random) => {
    const found = recordsIn(image).filter((record) => record.payload >= width);
    if (found.length === 0) return undefined;
    const { at, payload: length } = random.pick(found);
    const near = Math.min(random.pick([64, 1024, 2 ** 24]), length);
    return at + RECORD_SIZE + Math.floor(random.below(near) / width) * width;
  };
}

/** Removes a record, or puts it somewhere else too. */
function moveRecord(image: Scratch, random: Random): void {
  const records = recordsIn(image.bytes);
  if (records.length === 0) return;
  const bytesOf = ({ at, payload: length }: FoundRecord) =>
    image.bytes.subarray(at, at + RECORD_SIZE + length);
  const parts = records.map(bytesOf);
  const [moved] = parts.splice(random.below(parts.length), 1);
  const copies = random.pick([0, 1, 1, 2, 8]);
  if (moved) parts.splice(random.below(parts.length + 1), 0, ...Array<Buffer>(copies).fill(moved));
  image.replace(Buffer.concat(parts));
}

/** Makes the checksums in all records right. */
export function sealStream(image: Scratch): void {
  const checksum = fletcher4();
  for (const { at, type, payload: length } of recordsIn(image.bytes)) {
    if (type === BEGIN) checksum.reset('little');
    const isEndOfPackage = type === END && image.bytes.subarray(at + 4, at + 312).every(isNothing);
    if (type === END && !isEndOfPackage) writeSum(image, at + 8, checksum.value());
    checksum.update(image.bytes.subarray(at, at + RECORD_CHECKSUM_AT));
    const isSummed = type !== BEGIN && !isEndOfPackage && !isOldEnd(image.bytes, at);
    if (isSummed) writeSum(image, at + RECORD_CHECKSUM_AT, checksum.value());
    checksum.update(image.bytes.subarray(at + RECORD_CHECKSUM_AT, at + RECORD_SIZE));
    const end = at + RECORD_SIZE + length;
    const whole = image.bytes.subarray(at + RECORD_SIZE, end);
    checksum.update(whole.subarray(0, whole.length - (whole.length % ENDS_OF_PAYLOAD)));
  }
}

const isNothing = (byte: number) => byte === 0;

/** Whether a record has no checksum of its own, such as the END of a package's list. */
function isOldEnd(image: Buffer, at: number): boolean {
  return image.subarray(at + RECORD_CHECKSUM_AT, at + RECORD_SIZE).every(isNothing);
}

function writeSum(image: Scratch, at: number, sums: readonly bigint[]): void {
  const bytes = image.edit(at, 8 * sums.length);
  if (bytes.length < 8 * sums.length) return;
  for (const [i, sum] of sums.entries()) bytes.writeBigUInt64LE(sum, 8 * i);
}
