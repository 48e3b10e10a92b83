import { KexportError, reasonOf } from '../errors.ts';
import { endsWithin, type RemoteFile } from '../remote/remote-file.ts';
import { type BlobStream, blobStream } from './blob-stream.ts';

/** Places where reading may go on: the map of an image and its data take turns. */
const MAX_RUNS = 4;

/** What is read and left rather than asked for anew, in bytes. */
const MAX_SKIP = 2 ** 20;

/** What a read may repeat of the one before, in bytes: compressed blocks share a sector. */
const MAX_REPEAT = 512;

/** Reads that follow one another in a file. */
interface Run {
  /** Whether a read at this position goes on where the others ended. */
  goesOnAt(position: number): boolean;
  read(position: number, target: Uint8Array): Promise<void>;
  close(): void;
}

/**
 * A Blob as a file, which messages call `name`. What is read front to back comes by a stream, the
 * rest by slices.
 */
export function blobFile(name: string, blob: Blob): RemoteFile {
  let runs: Run[] = [];
  const { size } = blob;

  return {
    name,
    size,
    async read(position, target) {
      const end = position + target.length;
      if (end > size) throw endsWithin(name, size, position, target);
      const run = runs.find((one) => one.goesOnAt(position));
      if (run) return run.read(position, target);
      runs.push(runFrom(end));
      if (runs.length > MAX_RUNS) runs.shift()?.close();
      target.set(await sliceOf(position, target));
    },
    close() {
      for (const run of runs) run.close();
      runs = [];
      return Promise.resolve();
    },
  };

  async function sliceOf(position: number, target: Uint8Array): Promise<Uint8Array> {
    const slice = blob.slice(position, position + target.length);
    const bytes = await slice.arrayBuffer().catch((cause: unknown) => unreadable(position, cause));
    if (bytes.byteLength < target.length) throw endsWithin(name, size, position, target);
    return new Uint8Array(bytes);
  }

  /** The reads after one that ended there. */
  function runFrom(start: number): Run {
    let end = start; // of what was asked for
    let begin = start - MAX_REPEAT; // of what can be repeated
    let stream: BlobStream | undefined;
    let at = 0; // of the stream
    let tail = new Uint8Array(0); // the bytes before that
    let last: Promise<unknown> = Promise.resolve();

    return {
      goesOnAt: (position) =>
        position >= Math.max(begin, end - MAX_REPEAT) && position <= end + MAX_SKIP,
      read(position, target) {
        if (!stream) {
          stream = blobStream(blob.slice(position));
          at = begin = position;
        }
        end = Math.max(end, position + target.length);
        const from = stream;
        const reading = last.then(() => fill(from, position, target));
        last = reading.catch(() => undefined);
        return reading;
      },
      close() {
        const ended = stream;
        if (ended) void last.then(() => ended.close());
      },
    };

    async function fill(from: BlobStream, position: number, target: Uint8Array): Promise<void> {
      const repeated = tail.subarray(Math.min(tail.length, tail.length - (at - position)));
      target.set(repeated.subarray(0, target.length));
      while (at < position + target.length) {
        const wanted = at < position ? position - at : position + target.length - at;
        const bytes = await from.take(wanted).catch((cause: unknown) => unreadable(at, cause));
        if (bytes.length === 0) throw endsWithin(name, size, position, target);
        if (at >= position) target.set(bytes, at - position);
        at += bytes.length;
        tail = tailOf(tail, bytes);
      }
    }
  }

  function unreadable(position: number, cause: unknown): never {
    throw new KexportError(
      'source',
      `cannot read ${name} at byte ${position}: ${reasonOf(cause)}`,
      { cause, hint: 'was the file changed or removed since it was chosen?' },
    );
  }
}

/** The last bytes of two parts. */
function tailOf(before: Uint8Array, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  if (bytes.length >= MAX_REPEAT) return bytes.slice(-MAX_REPEAT);
  return Uint8Array.from([...before, ...bytes]).slice(-MAX_REPEAT);
}
