// Splits the bytes of a send stream into records, and verifies their checksums. The checksum in a
// record covers the stream from its BEGIN on: a record is verified before it is returned, a payload
// by the record after it, and END has the checksum again. Senders before 2015 write it only in END.

import { FormatError, type FormatErrorKind } from '../errors.ts';
import { viewOf } from '../struct.ts';
import { isZero } from '../zeros.ts';
import { byteQueue } from './byte-queue.ts';
import { isChecksum, type RunningChecksum } from './fletcher4.ts';
import {
  BEGIN,
  END,
  END_CHECKSUM_END,
  HEADER_TYPE_MASK,
  PACKAGE,
  RECORD_CHECKSUM_AT,
  RECORD_NAMES,
  RECORD_SIZE,
  RECORD_STRUCTS,
  type RecordStructs,
  SINGLE_STREAM,
  STREAM_MAGIC,
  STREAM_MAGIC_AT,
  STREAM_MAGIC_END,
} from './layout.ts';
import { payloadLength } from './payload-length.ts';
import { StreamRefusal } from './refusal.ts';

/** A record of a stream. Its bytes are valid until `next` returns undefined. */
export interface StreamRecord {
  /** One of the constants of `layout.ts`. */
  readonly type: number;
  /** Its offset in the stream, in bytes. */
  readonly at: number;
  /** RECORD_SIZE bytes, to be decoded with one of `structs`. */
  readonly bytes: Uint8Array;
  /** The bytes that follow it. */
  readonly payload: Uint8Array;
  /** The structs in the byte order of the stream. */
  readonly structs: RecordStructs;
  /** Whether it belongs to the package itself, not to a stream in it. */
  readonly ofPackage: boolean;
}

/** A synchronous state machine: push bytes, then call `next` until it returns undefined. */
export interface RecordReader {
  /** How many bytes the records had that `next` has returned. */
  readonly position: number;
  /** Adds bytes, which must not change until `next` has returned undefined. */
  push(bytes: Uint8Array): void;
  /** The next record; undefined: it needs more bytes. Throws a FormatError if it is damaged. */
  next(): StreamRecord | undefined;
  /** Ends the bytes. Throws a FormatError if the stream is not complete. */
  end(): void;
}

/**
 * What is being read: nothing yet; a package before its first stream or between two of them; a
 * stream in a package; a single stream; all is read.
 */
type State = 'nothing' | 'prelude' | 'between' | 'member' | 'single' | 'all';

/** Reads one stream or package from its first byte to its last. */
export function recordReader(checksum: RunningChecksum): RecordReader {
  const queue = byteQueue();
  let state: State = 'nothing';
  let position = 0;
  let endian: 'big' | 'little' = 'little';
  /** A record that lacks its payload. */
  let waiting: { type: number; bytes: Uint8Array; length: number } | undefined;
  let last: number | undefined;

  return {
    get position() {
      return position;
    },
    push: (bytes) => queue.push(bytes),
    next() {
      if (state === 'all') {
        if (queue.length > 0) {
          throw new FormatError(
            'damaged',
            `bytes follow the end of the stream at byte ${position}`,
          );
        }
        return undefined;
      }
      waiting ??= readHead();
      if (!waiting) return undefined;
      const payload = queue.take(waiting.length);
      if (payload) return finish(waiting, payload);
      waiting.bytes = new Uint8Array(waiting.bytes); // pushed bytes may change until then
      return undefined;
    },
    end() {
      if (state === 'all') return;
      if (state === 'nothing') checkBeginning(queue.peek(STREAM_MAGIC_END));
      const waits = queue.length + (waiting ? RECORD_SIZE : 0);
      const after = last === undefined ? '' : `after a ${nameOf(last)} record, `;
      const where = waits > 0 ? 'within a record' : `${after}without an END record`;
      throw new FormatError(
        'damaged',
        `the stream ends early, at byte ${position + waits}, ${where}`,
      );
    },
  };

  /** The next record without its payload; verified. */
  function readHead(): typeof waiting {
    const bytes = queue.take(RECORD_SIZE);
    if (!bytes) return undefined;
    if (state === 'nothing' || state === 'between') findByteOrder(bytes);
    const type = viewOf(bytes).getUint32(0, endian === 'little');
    checkOrder(type);
    if (state === 'between' && type === END) verifyEndOfPackage(bytes);
    else verify(type, bytes);
    try {
      return { type, bytes, length: payloadLength(type, bytes, RECORD_STRUCTS[endian]) };
    } catch (error) {
      throw error instanceof FormatError ? broken(error.message, error.kind) : error;
    }
  }

  function finish(head: NonNullable<typeof waiting>, payload: Uint8Array): StreamRecord {
    const { type, bytes } = head;
    const structs = RECORD_STRUCTS[endian];
    const at = position;
    const before = state;
    checksum.update(payload);
    waiting = undefined;
    last = type;
    position += RECORD_SIZE + payload.length;
    if (type === END) state = before === 'prelude' || before === 'member' ? 'between' : 'all';
    if (type === BEGIN) state = before === 'between' ? 'member' : stateOf(structs, bytes);
    const ofPackage = [before, state].includes('prelude') || (before === 'between' && type === END);
    return { type, at, bytes, payload, structs, ofPackage };
  }

  function findByteOrder(bytes: Uint8Array): void {
    if (state === 'nothing') checkBeginning(bytes);
    const found = byteOrderOf(bytes);
    if (!found) return;
    endian = found;
    checksum.reset(endian);
  }

  function checkOrder(type: number): void {
    if (type >= RECORD_NAMES.length) throw broken(`has the unknown type ${type}`);
    const isFirst = state === 'nothing' || state === 'between';
    const fits =
      type === END ? state !== 'nothing' : (type === BEGIN) === isFirst && state !== 'prelude';
    if (!fits) throw broken(`is a ${nameOf(type)} record, which is out of place`);
  }

  function verify(type: number, bytes: Uint8Array): void {
    if (type === END) {
      const { checksum: whole } = RECORD_STRUCTS[endian].end.decode(bytes);
      if (!isChecksum(whole, checksum, endian)) throw mismatch();
    }
    checksum.update(bytes.subarray(0, RECORD_CHECKSUM_AT));
    const stored = bytes.subarray(RECORD_CHECKSUM_AT); // in BEGIN the end of a name
    const isStored = type !== BEGIN && !isZero(stored);
    if (isStored && !isChecksum(stored, checksum, endian)) throw mismatch();
    // The END of the package's own list has neither a checksum nor anything else.
    if (state === 'prelude' && !isZero(bytes.subarray(END_CHECKSUM_END))) throw mismatch();
    checksum.update(stored);
  }

  /** It has nothing but its type. */
  function verifyEndOfPackage(bytes: Uint8Array): void {
    if (!isZero(bytes.subarray(4))) throw mismatch();
  }

  function mismatch(): FormatError {
    return broken('has a wrong checksum: the stream is damaged there or before');
  }

  function broken(what: string, kind: FormatErrorKind = 'damaged'): FormatError {
    return new FormatError(kind, `the record at byte ${position} ${what}`);
  }
}

function checkBeginning(bytes: Uint8Array): void {
  if (bytes.length >= STREAM_MAGIC_END && byteOrderOf(bytes)) return;
  const what = 'not a zfs send stream: it does not begin with a BEGIN record';
  throw new StreamRefusal('no-stream', what);
}

/** By the magic number of a BEGIN; undefined without it. */
function byteOrderOf(record: Uint8Array): 'big' | 'little' | undefined {
  const view = viewOf(record);
  if (view.getBigUint64(STREAM_MAGIC_AT, true) === STREAM_MAGIC) return 'little';
  return view.getBigUint64(STREAM_MAGIC_AT) === STREAM_MAGIC ? 'big' : undefined;
}

function stateOf(structs: RecordStructs, begin: Uint8Array): State {
  const headerType = structs.begin.decode(begin).versionInfo & HEADER_TYPE_MASK;
  if (headerType === SINGLE_STREAM) return 'single';
  if (headerType === PACKAGE) return 'prelude';
  throw new FormatError('unsupported', `the stream has the unknown header type ${headerType}`);
}

function nameOf(type: number): string {
  return RECORD_NAMES[type] ?? String(type);
}
