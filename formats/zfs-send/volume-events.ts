// Turns the records of one volume's stream into changes to its disk.

import { FormatError, type FormatErrorKind } from '../errors.ts';
import { type StreamFacts } from './decode-begin.ts';
import { decodeVolumeSize } from './decode-volume-size.ts';
import { decompressBlock, type Decompressors } from './decompress-block.ts';
import {
  DATA_OBJECT,
  END,
  FREE,
  FREE_OBJECTS,
  MAX_BLOCK_SIZE,
  MIN_BLOCK_SIZE,
  OBJECT,
  PROPERTIES_OBJECT,
  RECORD_SIZE,
  REDACT,
  TO_THE_END,
  WRITE,
  WRITE_BY_REFERENCE,
  WRITE_EMBEDDED,
} from './layout.ts';
import type { StreamRecord } from './record-reader.ts';
import { type RefusalReason, StreamRefusal } from './refusal.ts';

/** A change to the disk. Offsets and lengths are in bytes, multiples of MIN_BLOCK_SIZE. */
export type VolumeEvent =
  | {
      /** The size of the volume's blocks. */
      readonly kind: 'block-size';
      /** In bytes. */
      readonly blockSize: number;
    }
  | VolumeWrite
  | VolumeFree
  | {
      /** The stream ends. */
      readonly kind: 'end';
      /** Size of the volume; undefined in an incremental stream that does not change it. */
      readonly size: number | undefined;
      /** Where the stream ends in the bytes that were pushed. */
      readonly at: number;
    };

/** A block of data. The blocks of a stream ascend and do not overlap. */
export interface VolumeWrite {
  /** Tells the events apart. */
  readonly kind: 'write';
  /** Where the block begins on the disk. */
  readonly diskOffset: number;
  /** Its length on the disk. */
  readonly length: number;
  /** The number of its compression; see `compressionName`. */
  readonly compression: number;
  /** Fills `output`, which has `length` bytes. Throws a FormatError if the block is damaged. */
  decompressTo(output: Uint8Array): void;
}

/** A part of the disk that is zeros now. Frees come in any order, but before writes into them. */
export interface VolumeFree {
  /** Tells the events apart. */
  readonly kind: 'free';
  /** Where the zeros begin on the disk. */
  readonly diskOffset: number;
  /** Their length; Infinity: to the end of the disk. */
  readonly length: number;
}

/**
 * Returns a function that decodes each record of a stream after BEGIN; it returns undefined for a
 * record that does nothing to the disk. Throws a FormatError for a record that cannot be right.
 */
export function volumeEvents(
  stream: StreamFacts,
  decompressors: Decompressors,
): (record: StreamRecord) => VolumeEvent | undefined {
  let writtenTo = 0;
  let size: number | undefined;

  return (record) => {
    const { type, bytes, structs } = record;
    if (type === WRITE || type === WRITE_EMBEDDED) {
      const write = type === WRITE ? writeOf(record) : embeddedWriteOf(record);
      return written(write.object, write.event, record);
    }
    if (type === OBJECT) {
      const { object, blockSize } = structs.object.over(bytes);
      if (object !== DATA_OBJECT) return undefined;
      checkUnits('a block size', blockSize, record);
      return { kind: 'block-size', blockSize };
    }
    if (type === FREE) return freeOf(record);
    if (type === FREE_OBJECTS) return freeObjectsOf(record);
    if (type === END) return endOf(record);
    if (type === REDACT) throw refused('redacted', 'is redacted: parts are left out');
    if (type === WRITE_BY_REFERENCE) throw refused('deduplicated', 'is deduplicated');
    return undefined; // only in raw streams or those of file systems
  };

  interface Write {
    readonly object: bigint;
    readonly event: VolumeWrite;
  }

  function writeOf(record: StreamRecord): Write {
    const write = record.structs.write.over(record.bytes);
    const { object, offset, logicalSize, compression } = write;
    const data = record.payload;
    return makeWrite(record, { object, offset, logicalSize, compression, data });
  }

  function embeddedWriteOf(record: StreamRecord): Write {
    const write = record.structs.writeEmbedded.over(record.bytes);
    const { object, offset, length, compression, embeddedType, logicalSize, compressedSize } =
      write;
    if (embeddedType !== 0) {
      const what = `embedded data of the unknown type ${embeddedType}`;
      throw found(record, what, { kind: 'unsupported' });
    }
    if (BigInt(logicalSize) !== length) {
      throw found(record, `${logicalSize} bytes embedded in a block of ${length}`);
    }
    const data = record.payload.subarray(0, compressedSize);
    return makeWrite(record, { object, offset, logicalSize: length, compression, data });
  }

  function makeWrite(
    record: StreamRecord,
    write: {
      readonly object: bigint;
      readonly offset: bigint;
      readonly logicalSize: bigint;
      readonly compression: number;
      readonly data: Uint8Array;
    },
  ): Write {
    const { object, compression, data } = write;
    const diskOffset = toNumber(write.offset, record);
    const length = toNumber(write.logicalSize, record);
    checkUnits('a block', length, record);
    const event: VolumeWrite = {
      kind: 'write',
      diskOffset,
      length,
      compression,
      decompressTo(output) {
        try {
          decompressBlock(compression, data, output, decompressors);
        } catch (error) {
          const { kind, message } = asFormatError(error);
          const what = `a bad block for byte ${diskOffset} of the disk: ${message}`;
          throw found(record, what, { kind, cause: error });
        }
      },
    };
    return { object, event };
  }

  function written(
    object: bigint,
    event: VolumeWrite,
    record: StreamRecord,
  ): VolumeEvent | undefined {
    if (object === PROPERTIES_OBJECT && event.diskOffset === 0) size = sizeIn(event, record);
    if (object !== DATA_OBJECT) return undefined;
    if (event.diskOffset < writtenTo) {
      const what = `a block for byte ${event.diskOffset} after one that ends at ${writtenTo}`;
      throw found(record, what);
    }
    writtenTo = event.diskOffset + event.length;
    return event;
  }

  function sizeIn(event: VolumeWrite, record: StreamRecord): number {
    const block = new Uint8Array(event.length);
    event.decompressTo(block);
    const bytes = decodeVolumeSize(block);
    if (bytes === undefined) throw found(record, 'the properties of a volume, without its size');
    checkUnits('a volume', bytes, record, Number.MAX_SAFE_INTEGER);
    return bytes;
  }

  function freeOf(record: StreamRecord): VolumeEvent | undefined {
    const { object, offset, length } = record.structs.free.over(record.bytes);
    if (object !== DATA_OBJECT) return undefined;
    const diskOffset = toNumber(offset, record);
    const isToTheEnd = length === TO_THE_END;
    return { kind: 'free', diskOffset, length: isToTheEnd ? Infinity : toNumber(length, record) };
  }

  function freeObjectsOf(record: StreamRecord): VolumeEvent | undefined {
    const { firstObject, objectCount } = record.structs.freeObjects.over(record.bytes);
    const frees = (object: bigint) => object >= firstObject && object - firstObject < objectCount;
    if (frees(PROPERTIES_OBJECT)) throw refused('partial', 'is partial: it has no volume size');
    return frees(DATA_OBJECT) ? { kind: 'free', diskOffset: 0, length: Infinity } : undefined;
  }

  function endOf({ at }: StreamRecord): VolumeEvent {
    if (size === undefined && stream.fromGuid === undefined) {
      throw refused('partial', 'is partial: it has no volume size');
    }
    if (size !== undefined && writtenTo > size) {
      const what = `the stream has data up to byte ${writtenTo} of a volume of ${size} bytes`;
      throw new FormatError('damaged', what);
    }
    return { kind: 'end', size, at: at + RECORD_SIZE };
  }

  function refused(reason: RefusalReason, what: string): StreamRefusal {
    return new StreamRefusal(reason, `the stream of ${stream.snapshot} ${what}`);
  }
}

function checkUnits(what: string, bytes: number, record: StreamRecord, most = MAX_BLOCK_SIZE) {
  if (bytes > 0 && bytes <= most && bytes % MIN_BLOCK_SIZE === 0) return;
  const expected = `expected a multiple of ${MIN_BLOCK_SIZE} up to ${most}`;
  throw found(record, `${what} of ${bytes} bytes, ${expected}`);
}

function toNumber(value: bigint, record: StreamRecord): number {
  const number = Number(value);
  if (number % MIN_BLOCK_SIZE === 0 && number <= Number.MAX_SAFE_INTEGER - MAX_BLOCK_SIZE) {
    return number;
  }
  const expected = `expected a multiple of ${MIN_BLOCK_SIZE} within 8 PiB`;
  throw found(record, `an offset or a length of ${value} bytes, ${expected}`);
}

function asFormatError(error: unknown): Pick<FormatError, 'kind' | 'message'> {
  return error instanceof FormatError ? error : { kind: 'damaged', message: String(error) };
}

function found(
  record: StreamRecord,
  what: string,
  { kind = 'damaged', cause }: { kind?: FormatErrorKind; cause?: unknown } = {},
): FormatError {
  return new FormatError(kind, `the record at byte ${record.at} has ${what}`, { cause });
}
