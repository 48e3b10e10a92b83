// The log: a ring of sectors of 4 KiB. An entry is a header and descriptors, then the sectors that
// these describe.

import { damaged } from './faults.ts';
import {
  checksumOf,
  DATA_DESCRIPTOR_SIGNATURE,
  DATA_SECTOR_SIGNATURE,
  dataDescriptor,
  dataSector,
  LOG_ENTRY_SIGNATURE,
  LOG_SECTOR_SIZE,
  logEntryHeader,
  ZERO_DESCRIPTOR_SIGNATURE,
  zeroDescriptor,
} from './layout.ts';

/** What a log entry does to the image. */
export interface LogWrite {
  readonly imageOffset: bigint;
  readonly length: bigint;
  /** As many, in the log's memory but for what its descriptor keeps; undefined for zeros. */
  readonly bytes: Uint8Array | undefined;
}

/** An entry that is whole. */
export interface LogEntry {
  /** Where in the log the entry after it would begin. */
  readonly end: number;
  /** Where in the log the first entry begins that is to be replayed with this one. */
  readonly tail: number;
  readonly sequenceNumber: bigint;
  /**
   * Bytes of the image, at the least, when it was written, and what they are to be at the least
   * once it is replayed.
   */
  readonly flushedFileOffset: bigint;
  readonly lastFileOffset: bigint;
  readonly writes: readonly LogWrite[];
}

// Descriptors in a sector; the header takes the room of two.
const PER_SECTOR = LOG_SECTOR_SIZE / dataDescriptor.size;
const HEADER_SLOTS = logEntryHeader.size / dataDescriptor.size;

/**
 * The entries that are to be replayed, in that order: of all sequences that are complete the
 * newest. "Log Replay". Throws a FormatError if there is none, which the specification has as a
 * damaged image.
 */
export function activeSequence(log: Uint8Array, logGuid: Uint8Array): readonly LogEntry[] {
  const entries = new Map<number, LogEntry>();
  for (let start = 0; start < log.length; start += LOG_SECTOR_SIZE) {
    const entry = decodeEntry(log, start, logGuid);
    if (entry) entries.set(start, entry);
  }
  const newestFirst = [...entries.values()].sort((a, b) =>
    a.sequenceNumber > b.sequenceNumber ? -1 : 1,
  );
  const next = (entry: LogEntry) => {
    const found = entries.get(entry.end);
    return found?.sequenceNumber === entry.sequenceNumber + 1n ? found : undefined;
  };
  const heads = new Map<LogEntry, LogEntry>(); // the last entry that follows on each
  for (const entry of newestFirst) heads.set(entry, heads.get(next(entry) ?? entry) ?? entry);
  for (const head of newestFirst) {
    const tail = entries.get(head.tail);
    if (heads.get(head) !== head || !tail || heads.get(tail) !== head) continue;
    const sequence: LogEntry[] = [];
    for (let entry: LogEntry | undefined = tail; entry; entry = next(entry)) sequence.push(entry);
    return sequence;
  }
  throw damaged('the log is in use, but has no complete sequence of entries');
}

/**
 * The entry that begins at a sector of the log; undefined if none does, or it is torn or of another
 * log. No two of them overlap: only the first sector of one begins as an entry does, so however
 * many there are, each sector is hashed once.
 */
function decodeEntry(log: Uint8Array, start: number, logGuid: Uint8Array): LogEntry | undefined {
  if (!begins(log, start, LOG_ENTRY_SIGNATURE)) return undefined;
  const head = logEntryHeader.decode(log.subarray(start));
  const { entryLength, tail, sequenceNumber, descriptorCount } = head;
  if (head.logGuid.some((byte, i) => byte !== logGuid[i]) || sequenceNumber === 0n)
    return undefined;
  if (entryLength % LOG_SECTOR_SIZE !== 0 || entryLength > log.length) return undefined;
  const sectorCount = entryLength / LOG_SECTOR_SIZE;
  const describing = Math.ceil((HEADER_SLOTS + descriptorCount) / PER_SECTOR);
  if (describing > sectorCount) return undefined;
  for (let i = 1; i < sectorCount; i++) {
    if (begins(log, (start + i * LOG_SECTOR_SIZE) % log.length, LOG_ENTRY_SIGNATURE))
      return undefined;
  }
  const bytes = ringSlice(log, start, entryLength);
  if (checksumOf(bytes) !== head.checksum) return undefined;
  const writes = decodeWrites(bytes, describing, descriptorCount, sequenceNumber);
  if (!writes) return undefined;
  const { flushedFileOffset, lastFileOffset } = head;
  const end = (start + entryLength) % log.length;
  return { end, tail, sequenceNumber, flushedFileOffset, lastFileOffset, writes };
}

/** What the descriptors of an entry say; undefined if one contradicts the entry. */
function decodeWrites(
  entry: Uint8Array,
  describing: number,
  count: number,
  sequenceNumber: bigint,
): LogWrite[] | undefined {
  const writes: LogWrite[] = [];
  let sector = describing * LOG_SECTOR_SIZE;
  for (let i = 0; i < count; i++) {
    const bytes = entry.subarray((HEADER_SLOTS + i) * dataDescriptor.size);
    const write = begins(bytes, 0, ZERO_DESCRIPTOR_SIGNATURE)
      ? decodeZeros(bytes, sequenceNumber)
      : decodeData(bytes, entry.subarray(sector, sector + LOG_SECTOR_SIZE), sequenceNumber);
    if (!write || !isWhole(write.imageOffset) || !isWhole(write.length)) return undefined;
    if (write.bytes) sector += LOG_SECTOR_SIZE;
    writes.push(write);
  }
  return writes;
}

function decodeZeros(bytes: Uint8Array, sequenceNumber: bigint): LogWrite | undefined {
  const found = zeroDescriptor.decode(bytes);
  if (found.sequenceNumber !== sequenceNumber) return undefined;
  return { imageOffset: found.imageOffset, length: found.zeroLength, bytes: undefined };
}

/**
 * The first and the last bytes of the sector are in the descriptor: in their place it has signature
 * and numbers.
 */
function decodeData(
  bytes: Uint8Array,
  sector: Uint8Array,
  sequenceNumber: bigint,
): LogWrite | undefined {
  const found = dataDescriptor.decode(bytes);
  if (found.signature !== DATA_DESCRIPTOR_SIGNATURE || found.sequenceNumber !== sequenceNumber)
    return undefined;
  if (sector.length < LOG_SECTOR_SIZE) return undefined;
  const { signature, sequenceHigh, sequenceLow } = dataSector.decode(sector);
  if (signature !== DATA_SECTOR_SIGNATURE) return undefined;
  if ((BigInt(sequenceHigh) << 32n) + BigInt(sequenceLow) !== sequenceNumber) return undefined;
  const restored = new Uint8Array(sector);
  restored.set(found.leadingBytes, 0);
  restored.set(found.trailingBytes, LOG_SECTOR_SIZE - found.trailingBytes.length);
  return { imageOffset: found.imageOffset, length: BigInt(LOG_SECTOR_SIZE), bytes: restored };
}

function isWhole(value: bigint): boolean {
  return value % BigInt(LOG_SECTOR_SIZE) === 0n;
}

function begins(bytes: Uint8Array, at: number, signature: string): boolean {
  return Array.from(signature).every((letter, i) => bytes[at + i] === letter.charCodeAt(0));
}

/** A copy of bytes of the log that may go on at its start. */
function ringSlice(log: Uint8Array, start: number, length: number): Uint8Array {
  const slice = new Uint8Array(length);
  const first = log.subarray(start, start + length);
  slice.set(first);
  slice.set(log.subarray(0, length - first.length), first.length);
  return slice;
}
