import type { ImageOutput } from '../../formats/index.ts';
import type { Sink } from '../sinks/sink.ts';
import { allSettled } from '../workers/all-settled.ts';

type Operation =
  | { readonly offset: number; readonly buffers: Uint8Array[]; end: number }
  | { readonly offset: number; readonly zeros: number }
  | PiecesOperation;

interface PiecesOperation {
  readonly offset: number;
  readonly end: number;
  readonly pieces: Iterable<Uint8Array>;
}

/**
 * The output that a writer sees of a sink. Queues its calls, and joins neighbours, until `flush`
 * carries them out.
 */
export interface QueuedOutput extends ImageOutput {
  /** Carries out the queued calls in order. The caller may reuse the queued buffers afterwards. */
  flush(signal?: AbortSignal): Promise<void>;
}

/** `flushHashes` resolves when no hash needs the bytes that were queued. */
export function queuedOutput(
  sink: Sink,
  flushHashes: () => Promise<void> = () => Promise.resolve(),
): QueuedOutput {
  let position = 0;
  let queue: Operation[] = [];

  return {
    get position() {
      return position;
    },
    append(bytes) {
      write(position, bytes);
      position += bytes.length;
    },
    appendPieces(length, pieces) {
      queue.push({ offset: position, end: position + length, pieces });
      position += length;
    },
    zeros(count) {
      if (count < 0) throw new RangeError(`blocks do not ascend: ${count} zeros at ${position}`);
      if (count > 0) queue.push({ offset: position, zeros: count });
      position += count;
    },
    patch(imageOffset, bytes) {
      if (!sink.seekable) throw new Error(`${sink.name} cannot take a patch`);
      if (imageOffset + bytes.length > position) throw new RangeError('a patch past the end');
      write(imageOffset, bytes);
    },
    // If one fails, the other may still use the shared buffers.
    flush: (signal) => allSettled([carryOut(signal), flushHashes()]),
  };

  async function carryOut(signal: AbortSignal | undefined): Promise<void> {
    const operations = queue;
    queue = [];
    for (const operation of operations) {
      if ('zeros' in operation) await sink.zeros(operation.offset, operation.zeros, signal);
      else if ('pieces' in operation) await writePieces(operation, signal);
      else await sink.write(operation.offset, operation.buffers, signal);
    }
  }

  async function writePieces(
    { offset, end, pieces }: PiecesOperation,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    let at = offset;
    for (const bytes of pieces) {
      await sink.write(at, [bytes], signal);
      at += bytes.length;
    }
    if (at !== end) throw new RangeError(`${at - offset} bytes in pieces, not ${end - offset}`);
  }

  function write(offset: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const last = queue.at(-1);
    if (last && 'buffers' in last && last.end === offset) {
      last.buffers.push(bytes);
      last.end += bytes.length;
    } else {
      queue.push({ offset, buffers: [bytes], end: offset + bytes.length });
    }
  }
}
