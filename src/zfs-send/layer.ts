// Layers of a disk, as pieces that ascend: the changes of a stream, or all of a base image. Layers
// are stacked, as increments are on top of a full stream.

import type { SendStreamEvent } from '../../formats/zfs-send/index.ts';
import { KexportError } from '../errors.ts';
import type { Source } from '../sources/source.ts';
import { SLAB_SIZE } from '../workers/slab.ts';
import type { StreamEvents } from './events.ts';

/**
 * An extent of the disk. Where a layer has no piece, the disk is that of the layer below, or zeros
 * below the lowest.
 */
export interface Piece {
  /** Where it begins on the disk, in bytes. */
  readonly diskOffset: number;
  /** In bytes; Infinity for zeros to the end of the disk. */
  readonly length: number;
  /**
   * Fills `output` with bytes of the piece from `from` on; undefined for zeros. Throws a
   * FormatError.
   */
  readonly read: ((from: number, output: Uint8Array) => void) | undefined;
}

/** Pieces that ascend and do not overlap. */
export interface Layer {
  /**
   * Size of the disk in bytes, valid once `next` has returned undefined; undefined then if the
   * layer below has it.
   */
  readonly size: number | undefined;
  /** The next piece, valid until the next call. Calls must not overlap. Throws a KexportError. */
  next(signal?: AbortSignal): Promise<Piece | undefined>;
}

/**
 * The changes of a stream whose BEGIN has been read, and perhaps one more event, `opening`. The
 * layer ends once all of the stream is verified.
 */
export function streamLayer(events: StreamEvents, opening?: SendStreamEvent): Layer {
  /** Pieces to return next. */
  const ready: Piece[] = [];
  let position = 0;
  /** From here on everything is zeros except what is written. */
  let freeFrom = Infinity;
  let size: number | undefined;
  let ended = false;
  if (opening) pass(opening);

  return {
    get size() {
      return size;
    },
    async next(signal) {
      while (ready.length === 0 && !ended) await read(signal);
      return ready.shift();
    },
  };

  async function read(signal: AbortSignal | undefined): Promise<void> {
    const event = await events.next(signal);
    if (event) {
      pass(event);
      return;
    }
    ended = true;
    // Covers what a layer below has past the end of the volume.
    addZeros(Math.max(position, Math.min(freeFrom, size ?? Infinity)), Infinity);
  }

  function pass(event: SendStreamEvent): void {
    if (event.kind === 'write') {
      const { diskOffset, length } = event;
      addZeros(Math.max(position, freeFrom), diskOffset);
      ready.push({
        diskOffset,
        length,
        read: partly(length, (output) => event.decompressTo(output)),
      });
      position = diskOffset + length;
    } else if (event.kind === 'free') {
      free(event.diskOffset, event.diskOffset + event.length);
    } else if (event.kind === 'end') size = event.size;
  }

  function free(start: number, end: number): void {
    if (start >= freeFrom) return;
    if (start < position) {
      const where = `frees offset ${start} after it has written up to ${position}`;
      throw new KexportError('source', `${events.name} ${where}`);
    }
    if (end === Infinity) freeFrom = start;
    else {
      addZeros(start, Math.min(end, freeFrom));
      position = Math.min(end, freeFrom);
    }
  }

  function addZeros(start: number, end: number): void {
    if (start < end) ready.push({ diskOffset: start, length: end - start, read: undefined });
  }
}

/**
 * Reads parts of a block that can only be decompressed as a whole, which is kept from the first
 * part on.
 */
function partly(length: number, readWhole: (output: Uint8Array) => void): Piece['read'] {
  let whole: Uint8Array | undefined;
  return (from, output) => {
    if (!whole && output.length === length) {
      readWhole(output);
      return;
    }
    if (!whole) readWhole((whole = new Uint8Array(length)));
    output.set(whole.subarray(from, from + output.length));
  };
}

/** A disk as the lowest layer. The caller still owns the source and closes it. */
export function sourceLayer(source: Source): Layer {
  const buffer = Buffer.allocUnsafeSlow(SLAB_SIZE);
  return {
    get size() {
      return source.size;
    },
    async next(signal) {
      const extent = await source.next(buffer, signal);
      if (!extent) return undefined;
      const { diskOffset, length } = extent;
      return {
        diskOffset,
        length,
        read: (from, output) => output.set(buffer.subarray(from, from + output.length)),
      };
    },
  };
}

/** Zeros from `diskOffset` on, on a disk of any size. */
export function endLayer(diskOffset: number): Layer {
  let given = false;
  return {
    size: undefined,
    next() {
      const piece = given ? undefined : { diskOffset, length: Infinity, read: undefined };
      given = true;
      return Promise.resolve(piece);
    },
  };
}

/** Stacks layers to one, the lowest first. */
export function layered(layers: readonly Layer[]): Layer {
  const highestFirst = layers.map((layer) => ({ layer, piece: undefined as Piece | undefined }));
  highestFirst.reverse();
  const ended = new Set<Layer>();
  let position = 0;

  return {
    get size() {
      return highestFirst.find(({ layer }) => layer.size !== undefined)?.layer.size;
    },
    async next(signal) {
      for (;;) {
        await advance(signal);
        let next = Infinity;
        for (const { piece } of highestFirst) {
          if (!piece) continue;
          if (piece.diskOffset <= position) return cut(piece, next);
          next = Math.min(next, piece.diskOffset);
        }
        if (next === Infinity) return undefined;
        position = next;
      }
    },
  };

  /**
   * Skips every piece that ends at or before `position`, which also reads all layers to their ends.
   */
  async function advance(signal: AbortSignal | undefined): Promise<void> {
    for (const entry of highestFirst) {
      while (!ended.has(entry.layer) && (!entry.piece || endOf(entry.piece) <= position)) {
        entry.piece = await entry.layer.next(signal);
        if (!entry.piece) ended.add(entry.layer);
      }
    }
  }

  /**
   * The part of a piece from `position` up to the next piece of a higher layer, or to its own end.
   */
  function cut(piece: Piece, highest: number): Piece {
    const skipped = position - piece.diskOffset;
    const { read } = piece;
    const cutPiece: Piece = {
      diskOffset: position,
      length: Math.min(endOf(piece), highest) - position,
      read: read && ((from, output) => read(skipped + from, output)),
    };
    position = endOf(cutPiece);
    return cutPiece;
  }
}

function endOf({ diskOffset, length }: Piece): number {
  return diskOffset + length;
}
