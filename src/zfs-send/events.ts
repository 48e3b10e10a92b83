import { FormatError } from '../../formats/index.ts';
import {
  type RefusalReason,
  sendStream,
  type SendStreamEvent,
  type StreamChoice,
  StreamRefusal,
} from '../../formats/zfs-send/index.ts';
import { KexportError } from '../errors.ts';
import type { ByteStream } from '../sources/byte-stream.ts';
import { streamTools } from './tools.ts';

/** What a send stream tells, as it comes. */
export interface StreamEvents {
  /** What people call the stream. */
  readonly name: string;
  /**
   * The next event; undefined once the stream has come to its end and all of it is verified. What the event before it gave
   * is then no longer to be used. Throws a KexportError. Calls never overlap.
   */
  next(signal: AbortSignal): Promise<SendStreamEvent | undefined>;
  close(): Promise<void>;
}

/** Reads a send stream, or a package of them, for one volume. Takes over the bytes. */
export function streamEvents(input: ByteStream, choice: StreamChoice): StreamEvents {
  const stream = sendStream({ ...streamTools(), choice });
  return {
    name: input.name,
    next: (signal) => asKexportError(input.name, () => nextEvent(signal)),
    close: () => input.close(),
  };

  async function nextEvent(signal: AbortSignal): Promise<SendStreamEvent | undefined> {
    for (;;) {
      const event = stream.next();
      if (event) return event;
      const bytes = await input.read(signal);
      if (!bytes) {
        stream.end();
        return undefined;
      }
      stream.push(bytes);
    }
  }
}

const HINTS: Readonly<Record<RefusalReason, string>> = {
  deduplicated: 'zstream redup makes a plain stream of it',
  encrypted: 'send it without -w, with its key loaded',
  features: 'it comes from a ZFS that is newer than this kexport',
  'file-system': 'a disk is in a volume: zfs list -t volume',
  incremental:
    '--backing BASE makes a qcow2 upon that of the snapshot, --flatten BASE a whole disk',
  'no-stream':
    'it is what zfs send prints: unpack it first if it is packed; an image is read by the name of its file',
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
    if (!(error instanceof FormatError)) throw error;
    const message = `${name} ${error.message}`;
    if (!(error instanceof StreamRefusal)) {
      throw new KexportError('damaged', message, { cause: error });
    }
    throw new KexportError('source', message, { cause: error, hint: HINTS[error.reason] });
  }
}
