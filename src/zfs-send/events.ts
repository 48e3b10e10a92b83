import {
  type RefusalReason,
  sendStream,
  type SendStreamEvent,
  type StreamChoice,
  StreamRefusal,
} from '../../formats/zfs-send/index.ts';
import { asKexportError, option, type Wording, wording } from '../errors.ts';
import type { ByteStream } from '../byte-streams/byte-stream.ts';
import { streamTools } from './tools.ts';

/** The events of a send stream, read as it arrives. */
export interface StreamEvents {
  /** The name of the stream in messages. */
  readonly name: string;
  /**
   * The next event, valid until the next call; undefined once the stream has ended and all of it is
   * verified. Throws a KexportError. Calls must not overlap.
   */
  next(signal?: AbortSignal): Promise<SendStreamEvent | undefined>;
  close(): Promise<void>;
}

/**
 * Reads a send stream, or a package of them, for one volume. `close` closes `input`. `onWait` is
 * called before more is read, with how many bytes are decoded.
 */
export async function streamEvents(
  input: ByteStream,
  choice: StreamChoice,
  onWait?: (decoded: number) => void,
): Promise<StreamEvents> {
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
          onWait?.(stream.position);
          piece = await input.read(signal);
          if (!piece) {
            stream.end();
            return undefined;
          }
          stream.push(piece);
        }
      } catch (error) {
        throw streamError(input.name, error);
      }
    },
    close: () => input.close(),
  };
}

const HINTS: Readonly<Record<RefusalReason, Wording>> = {
  deduplicated: 'zstream redup makes it a plain stream',
  encrypted: 'send it without -w, with its key loaded',
  features: 'it comes from a ZFS that is newer than this kexport',
  'file-system': 'a disk is in a volume: zfs list -t volume',
  incremental: wording`${option('backingFile', 'BASE')} makes a qcow2 overlay on the image of that snapshot, ${option('flatten', 'BASE')} a whole disk`,
  'no-stream':
    'a stream is what zfs send prints: decompress it first if it is compressed, as in zcat STREAM | kexport info -; an image is read by the name of its file',
  partial: 'send the snapshot itself: zfs send POOL/VOLUME@SNAPSHOT',
  redacted: 'send the snapshot without --redact',
  resumed: 'only zfs receive can put it together: send the snapshot whole, without -t',
  snapshot: wording`name another with ${option('streamSnapshot')}`,
  volume: wording`name one with ${option('streamVolume')}`,
};

/** Runs `work`, which reads the stream `name`, and turns its FormatError into a KexportError. */
export async function withStreamErrors<T>(name: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw streamError(name, error);
  }
}

/**
 * `asKexportError` for the stream `name`, with a hint where a valid stream cannot be used as asked.
 */
export function streamError(name: string, error: unknown): unknown {
  const hint = error instanceof StreamRefusal ? HINTS[error.reason] : undefined;
  return asKexportError(error, name, hint);
}
