import { close, read } from 'node:fs';
import { promisify } from 'node:util';
import { KexportError, reasonOf, throwIfAborted } from '../errors.ts';
import { type ByteStream, peekable } from './byte-stream.ts';

const readAt = promisify(read);
const closeFile = promisify(close);

export interface FileStreamOptions {
  /** Its first byte. */
  readonly start: number;
  /** The byte after its last one. Default: the end of the file. */
  readonly end?: number;
  /** Leaves the file open when the stream is closed. */
  readonly keepOpen?: boolean;
  /** Bytes that are read at once. Default: 1 MiB. */
  readonly pieceSize?: number;
}

/**
 * The bytes of a file, of which the next piece is read while the one before is worked on. Takes over the descriptor. Pieces
 * that are given back are filled again, so that memory is touched, and freed, but once.
 */
export function fileStream(name: string, fd: number, options: FileStreamOptions): ByteStream {
  const { start, end = Infinity, keepOpen = false, pieceSize = 1 << 20 } = options;
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
    const buffer = free.pop() ?? Buffer.allocUnsafeSlow(pieceSize);
    try {
      const { bytesRead } = await readAt(fd, buffer, 0, wanted, position);
      position += bytesRead;
      return bytesRead === 0 ? undefined : buffer.subarray(0, bytesRead);
    } catch (error) {
      const where = `after ${position - start} bytes`;
      throw new KexportError('source', `cannot read ${name} ${where}: ${reasonOf(error)}`, {
        cause: error,
      });
    }
  }

  async function closeOnce(): Promise<void> {
    await ahead?.catch(() => undefined); // it reads from the file
    if (!keepOpen) await closeFile(fd);
  }

  function recycle({ buffer }: Buffer): void {
    if (buffer.byteLength === pieceSize) free.push(Buffer.from(buffer));
  }
}
