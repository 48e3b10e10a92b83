import { KexportError, reasonOf, throwIfAborted } from '../errors.ts';
import { openSink, type OpenSink } from './open-sink.ts';

/** A `FileSystemWritableFileStream`, as `FileSystemFileHandle.createWritable` opens it. */
export interface BrowserFile {
  write(data: {
    readonly type: 'write';
    readonly position: number;
    readonly data: Uint8Array<ArrayBuffer>;
  }): Promise<void>;
  truncate(size: number): Promise<void>;
  close(): Promise<void>;
  abort(reason?: unknown): Promise<void>;
}

/** Options of {@link browserFileSink}. */
export interface BrowserFileSinkOptions {
  /** The name of the file in messages. Default `the file`. */
  readonly name?: string | undefined;
}

/**
 * A sink into a file that a browser has opened: one that the user has chosen, or one in the storage
 * of the page (OPFS). The browser replaces what was there when the export commits, and not before.
 * Writing throws a KexportError `target` if that fails, for want of space for example.
 */
export function browserFileSink(
  file: BrowserFile,
  { name = 'the file' }: BrowserFileSinkOptions = {},
): OpenSink {
  const attempt = async (work: Promise<void>) => {
    try {
      await work;
    } catch (cause) {
      throw new KexportError('target', `cannot write ${name}: ${reasonOf(cause)}`, { cause });
    }
  };
  const { write, drain } = writesBehind((position, data) =>
    attempt(file.write({ type: 'write', position, data })),
  );
  return openSink({
    name,
    seekable: true,
    async write(imageOffset, buffers, signal) {
      throwIfAborted(signal);
      await write(imageOffset, buffers);
    },
    // What is written behind the end of a file, or its new length, leaves zeros before it.
    zeros: () => Promise.resolve(),
    async finish(length) {
      await drain();
      await attempt(file.truncate(length));
    },
    commit: () => attempt(file.close()),
    discard: () => file.abort().catch(() => undefined),
  });
}

/** Bytes that are written at a time: each write is a message to another process. */
const PIECE = 2 ** 22;

/**
 * Gathers what follows one another, and writes it while the caller goes on: one piece at a time. It
 * copies the bytes, which may be in shared memory, of which a browser takes none.
 */
function writesBehind(put: (position: number, data: Uint8Array<ArrayBuffer>) => Promise<void>) {
  let held = new Uint8Array(PIECE);
  let other = new Uint8Array(PIECE); // may be on its way
  let start = 0;
  let length = 0;
  let writing: Promise<void> = Promise.resolve();

  async function flush(): Promise<void> {
    await writing;
    if (length === 0) return;
    writing = put(start, held.subarray(0, length));
    writing.catch(() => undefined); // the next call throws it
    [held, other] = [other, held];
    start += length;
    length = 0;
  }

  async function write(imageOffset: number, buffers: readonly Uint8Array[]): Promise<void> {
    if (imageOffset !== start + length) {
      await flush();
      start = imageOffset;
    }
    for (const buffer of buffers) {
      for (let done = 0; done < buffer.length;) {
        const part = buffer.subarray(done, done + PIECE - length);
        held.set(part, length);
        length += part.length;
        done += part.length;
        if (length === PIECE) await flush();
      }
    }
  }

  /** Waits until all is written. */
  async function drain(): Promise<void> {
    await flush();
    await writing;
  }

  return { write, drain };
}
