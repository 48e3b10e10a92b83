import { exactNumber } from '../bounds.ts';
import type { ImageInput } from '../contract.ts';
import { isNullGuid } from '../guid.ts';
import { activeSequence, type LogWrite } from './decode-log.ts';
import type { Header } from './decode-headers.ts';
import { damaged, unsupported } from './faults.ts';
import { ALIGNMENT, LOG_SECTOR_SIZE } from './layout.ts';

/**
 * An image as it is once its log has been replayed, which is done in memory: the file stays as it
 * is.
 */
export interface Replayed extends ImageInput {
  /** Bytes of the file, where the log makes it larger: what is past them is zeros, or the log's. */
  readonly storedSize: number;
  /** Entries of the log that were replayed. */
  readonly entryCount: number;
  /** Whether the log writes to any of those bytes. */
  changes(start: number, end: number): boolean;
}

// Limits of this program. Hyper-V's and QEMU's logs have 1 MiB; and no table that a log sets to
// zero is larger.
const MAX_LOG_LENGTH = 16 * 2 ** 20;
const MAX_SECTORS = 2 ** 18;

const ZEROS = new Uint8Array(LOG_SECTOR_SIZE);

/**
 * Replays the log that a header names. Holds what it writes, at most MAX_LOG_LENGTH. Throws a
 * FormatError if it cannot be.
 */
export async function replayLog(input: ImageInput, header: Header): Promise<Replayed> {
  if (isNullGuid(header.logGuid)) return asIs(input);
  const { logLength } = header;
  if (header.logVersion !== 0) throw unsupported(`a log of version ${header.logVersion}`);
  const logOffset = exactNumber(header.logOffset, 'vhdx: the offset of the log');
  if (
    logOffset < ALIGNMENT ||
    logOffset + logLength > input.size ||
    logLength % LOG_SECTOR_SIZE !== 0
  ) {
    throw damaged(`a log of ${logLength} bytes at ${logOffset}, the image has ${input.size}`);
  }
  if (logLength > MAX_LOG_LENGTH) {
    throw unsupported(
      `a log of ${logLength} bytes is to be replayed, ${MAX_LOG_LENGTH} are the most here`,
    );
  }
  const sequence = activeSequence(await input.read(logOffset, logLength), header.logGuid);
  const head = sequence.at(-1)!; // a sequence has an entry
  if (head.flushedFileOffset > BigInt(input.size)) {
    throw damaged(
      `the image has ${input.size} bytes, but its log was written when it had ${head.flushedFileOffset}: it was cut off`,
    );
  }
  const sectors = sectorsOf(sequence.flatMap(({ writes }) => writes));
  const last = exactNumber(head.lastFileOffset, 'vhdx: the size that the log gives the image');
  return overlay(input, sectors, last, sequence.length);
}

function asIs(input: ImageInput): Replayed {
  return {
    size: input.size,
    storedSize: input.size,
    entryCount: 0,
    changes: () => false,
    read: (imageOffset, length) => input.read(imageOffset, length),
  };
}

/** What each sector of the image that is written to has in the end, by its number. */
function sectorsOf(writes: readonly LogWrite[]): Map<number, Uint8Array> {
  const sectors = new Map<number, Uint8Array>();
  let total = 0;
  for (const { imageOffset, length, bytes = ZEROS } of writes) {
    const first = exactNumber(imageOffset, 'vhdx: an offset in the log') / LOG_SECTOR_SIZE;
    const count = exactNumber(length, 'vhdx: a length in the log') / LOG_SECTOR_SIZE;
    total += count;
    if (total > MAX_SECTORS) {
      throw unsupported(`the log writes more than ${MAX_SECTORS * LOG_SECTOR_SIZE} bytes`);
    }
    for (let i = 0; i < count; i++) sectors.set(first + i, bytes);
  }
  return sectors;
}

/** The image with some of its sectors replaced, and extended to a size. */
function overlay(
  input: ImageInput,
  sectors: ReadonlyMap<number, Uint8Array>,
  leastSize: number,
  entryCount: number,
): Replayed {
  const changed = Float64Array.from(sectors.keys()).sort();
  const end = ((changed.at(-1) ?? -1) + 1) * LOG_SECTOR_SIZE;
  const size = Math.max(input.size, leastSize, end);
  return {
    size,
    storedSize: input.size,
    entryCount,
    changes(start, end) {
      const first = firstFrom(changed, Math.floor(start / LOG_SECTOR_SIZE));
      return first !== undefined && first * LOG_SECTOR_SIZE < end;
    },
    async read(imageOffset, length) {
      if (imageOffset + length > size) {
        throw damaged(`the image ends at byte ${size}, within ${length} bytes at ${imageOffset}`);
      }
      const bytes = new Uint8Array(length);
      const stored = Math.min(length, input.size - imageOffset);
      if (stored > 0) bytes.set(await input.read(imageOffset, stored));
      for (let at = -(imageOffset % LOG_SECTOR_SIZE); at < length; at += LOG_SECTOR_SIZE) {
        const sector = sectors.get((imageOffset + at) / LOG_SECTOR_SIZE);
        const from = Math.max(0, -at);
        if (sector) bytes.set(sector.subarray(from, length - at), at + from);
      }
      return bytes;
    },
  };
}

/** The first of ascending numbers that is not below another. */
function firstFrom(ascending: Float64Array, least: number): number | undefined {
  let low = 0;
  for (let high = ascending.length; low < high;) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! < least)
      low = middle + 1; // below high
    else high = middle;
  }
  return ascending[low];
}
