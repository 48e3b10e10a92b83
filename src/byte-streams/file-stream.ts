import { throwIfAborted } from '../errors.ts';
import type { ReadableFile } from '../host/readable-file.ts';
import { type ByteStream, peekable } from './byte-stream.ts';

export interface FileStreamOptions {
  /** Its first byte. */
  readonly start: number;
  /** The byte after its last one. */
  readonly end: number;
  /** Leaves the file open when the stream is closed. */
  readonly keepOpen?: boolean;
  /** Bytes that are read at once. Default: 1 MiB. */
  readonly pieceSize?: number;
}

/**
 * The bytes of a file, of which the next piece is read while the one before is worked on. Takes
 * over the file. Pieces that are given back are filled again, so that memory is touched, and freed,
 * but once.
 */
export function fileStream(
  name: string,
  file: ReadableFile,
  options: FileStreamOptions,
): ByteStream {
  const { start, end, keepOpen = false, pieceSize = 1 << 20 } = options;
  const free: Buffer[] = [];
  let position = start;
  let ahead: Promise<Buffer | undefined> | undefined;
  let closed: Promise<void> | undefined;

  const stream = peekable(
    name,
    async (signal) => {
      throwIfAborted(signal);
      const piece = await (ahead ?? readPiece());
      ahead = readPiece();
      ahead.catch(() => undefined); // who takes it sees it
      return piece;
    },
    () => (closed ??= closeOnce()),
  );
  return { ...stream, recycle };

  async function readPiece(): Promise<Buffer | undefined> {
    const wanted = Math.min(pieceSize, end - position);
    if (wanted === 0) return undefined;
    const piece = (free.pop() ?? Buffer.allocUnsafeSlow(pieceSize)).subarray(0, wanted);
    await file.read(position, piece);
    position += wanted;
    return piece;
  }

  async function closeOnce(): Promise<void> {
    await ahead?.catch(() => undefined); // it reads from the file
    if (!keepOpen) await file.close();
  }

  function recycle({ buffer }: Buffer): void {
    if (buffer.byteLength === pieceSize) free.push(Buffer.from(buffer));
  }
}
