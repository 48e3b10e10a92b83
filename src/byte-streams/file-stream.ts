import { throwIfAborted } from '../errors.ts';
import type { ReadableFile } from '../host/readable-file.ts';
import { type ByteStream, peekable } from './byte-stream.ts';

export interface FileStreamOptions {
  /** Offset of the first byte to read. */
  readonly start: number;
  /** Offset of the byte after the last one. */
  readonly end: number;
  /** Leaves the file open when the stream is closed. */
  readonly keepOpen?: boolean;
  /** Bytes that are read at once. Default: 1 MiB. */
  readonly pieceSize?: number;
}

/**
 * The bytes of a file. The next piece is read ahead while the caller uses the one before. Owns the
 * file unless `keepOpen` is set. Pieces that are recycled are filled again, which saves allocating
 * memory for each.
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
      ahead.catch(() => undefined); // the next read throws it
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
    await ahead?.catch(() => undefined); // wait for a read that is under way
    if (!keepOpen) await file.close();
  }

  function recycle({ buffer }: Buffer): void {
    if (buffer.byteLength === pieceSize) free.push(Buffer.from(buffer));
  }
}
