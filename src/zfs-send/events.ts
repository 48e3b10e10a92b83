import { FormatError } from '../../formats/index.ts';
import {
  type RefusalReason,
  sendStream,
  type SendStreamEvent,
  type StreamChoice,
  StreamRefusal,
} from '../../formats/zfs-send/index.ts';
import { KexportError } from '../errors.ts';
import type { ByteStream } from '../byte-streams/byte-stream.ts';
import { streamTools } from './tools.ts';

/** What a send stream tells, as it comes. */
export interface StreamEvents {
  /** What people call the stream. */
  readonly name: string;
  /**
   * The next event, valid until the next call; undefined once the stream has come to its end and all of it is verified.
   * Throws a KexportError. Calls never overlap.
   */
  next(signal: AbortSignal): Promise<SendStreamEvent | undefined>;
  close(): Promise<void>;
}

/** Reads a send stream, or a package of them, for one volume. Takes over the bytes. */
export async function streamEvents(input: ByteStream, choice: StreamChoice): Promise<StreamEvents> {
  const stream = sendStream({ ...(await streamTools()), choice });
  let piece: Buffer | undefined;
  return {
    name: input.name,
    async next(signal) {
      try {
        for (;;) {
          const event = stream.next();
          if (event) return event;
          if (piece) input.recycle?.(piece);
          piece = await input.read(signal);
          if (!piece) {
            stream.end();
            return undefined;
          }
          stream.push(piece);
        }
      } catch (error) {
        throw asFault(input.name, error);
      }
    },
    close: () => input.close(),
  };
}

const HINTS: Readonly<Record<RefusalReason, string>> = {
  deduplicated: 'zstream redup makes a plain stream of it',
  encrypted: 'send it without -w, with its key loaded',
  features: 'it comes from a ZFS that is newer than this kexport',
  'file-system': 'a disk is in a volume: zfs list -t volume',
  incremental:
    '--backing BASE makes a qcow2 upon that of the snapshot, --flatten BASE a whole disk',
  'no-stream':
    'it is what zfs send prints: unpack it first if it is packed, as in zcat STREAM | kexport info -; an image is read by the name of its file',
  partial: 'send the snapshot itself: zfs send POOL/VOLUME@SNAPSHOT',
  redacted: 'send the snapshot without --redact',
  resumed: 'only zfs receive can put it together: send the snapshot whole, without -t',
  snapshot: 'name another with --snapshot',
  volume: 'name one with --volume',
};

/** Carries out what may find fault with a stream. */
export async function asKexportError<T>(name: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asFault(name, error);
  }
}

/** What found fault with a stream, as people are told it; anything else as it is. */
export function asFault(name: string, error: unknown): unknown {
  if (!(error instanceof FormatError)) return error;
  const message = `${name} ${error.message}`;
  if (!(error instanceof StreamRefusal)) {
    return new KexportError('damaged', message, { cause: error });
  }
  return new KexportError('source', message, { cause: error, hint: HINTS[error.reason] });
}
