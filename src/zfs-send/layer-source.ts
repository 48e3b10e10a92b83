import { BLOCK_SIZE } from '../../formats/index.ts';
import { roundDown, roundUp } from '../../formats/rounding.ts';
import { KexportError, option, wording } from '../errors.ts';
import { streamError } from './events.ts';
import type { Layer, Piece } from './layer.ts';
import type { Source } from '../sources/source.ts';

/** A piece with data, of which a part has been returned. */
interface Pending {
  readonly diskOffset: number;
  readonly length: number;
  readonly read: NonNullable<Piece['read']>;
  /** Bytes that have been returned. */
  readonly done: number;
}

/** Options of {@link layerSource}. */
export interface LayerSourceOptions {
  readonly name: string;
  readonly layer: Layer;
  /** The size that the disk must have, in bytes, if it is known from the start. */
  readonly size: number | undefined;
  readonly snapshotGuid: bigint;
  readonly close: () => Promise<void>;
}

/** The disk of a single layer, which must know its size once it has ended. */
export function layerSource(options: LayerSourceOptions): Source {
  const { name, layer, size: stated, snapshotGuid, close } = options;
  let size = stated;
  let pending: Pending | undefined;
  let ended = false;
  let dataEnd = 0;

  return {
    name,
    snapshotGuid,
    get size() {
      return size;
    },
    async next(buffer, signal) {
      pending ??= await nextData(signal);
      if (!pending) return undefined;
      const diskOffset = roundDown(startOf(pending), BLOCK_SIZE);
      const filled = await fill(buffer, diskOffset, signal);
      // By now it is known whether the disk reaches to the end of the block: either more data
      // follows, or the layer has ended and has a size.
      const end = Math.min(roundUp(filled, BLOCK_SIZE), (size ?? Infinity) - diskOffset);
      buffer.fill(0, filled, end);
      return { diskOffset, length: end };
    },
    close,
  };

  /**
   * Copies pieces into the buffer as long as they share or follow a block; returns how many bytes.
   */
  async function fill(
    buffer: Uint8Array,
    diskOffset: number,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    let filled = 0;
    while (pending && filled < buffer.length) {
      const at = startOf(pending) - diskOffset;
      if (at >= buffer.length || at > roundUp(Math.max(filled, 1), BLOCK_SIZE)) break;
      buffer.fill(0, filled, at);
      filled = at + take(pending, buffer.subarray(at));
      pending ??= await nextData(signal);
    }
    return filled;
  }

  /** Copies as much of a piece as fits into `room`; returns how many bytes. */
  function take(piece: Pending, room: Uint8Array): number {
    const { length, read, done } = piece;
    const taken = Math.min(length - done, room.length);
    try {
      read(done, room.subarray(0, taken));
    } catch (error) {
      throw streamError(name, error);
    }
    pending = done + taken === length ? undefined : { ...piece, done: done + taken };
    return taken;
  }

  /** The next piece with data; undefined once there is none and the size is known. */
  async function nextData(signal: AbortSignal | undefined): Promise<Pending | undefined> {
    while (!ended) {
      const piece = await layer.next(signal);
      if (!piece) finish();
      else if (piece.read) {
        const { diskOffset, length, read } = piece;
        dataEnd = diskOffset + length;
        if (dataEnd > (stated ?? Infinity)) throw wrongSize(`has data up to byte ${dataEnd}`);
        return { diskOffset, length, read, done: 0 };
      }
    }
    return undefined;
  }

  function finish(): void {
    ended = true;
    const found = layer.size;
    if (found === undefined) throw new Error(`${name} has ended without a size`);
    if (stated !== undefined && found !== stated) throw wrongSize(`is a disk of ${found} bytes`);
    if (dataEnd > found) {
      const what = `has data up to byte ${dataEnd} of a disk of ${found} bytes`;
      // Data of the base image was returned before the stream said that the disk ends earlier.
      throw new KexportError('source', `${name} ${what}`, {
        hint: wording`give the size beforehand: ${option('size', found)}`,
      });
    }
    size = found;
  }

  function wrongSize(found: string): KexportError {
    return new KexportError(
      'source',
      wording`${name} ${found}, ${option('size')} says ${String(stated)}`,
    );
  }
}

function startOf({ diskOffset, done }: Pending): number {
  return diskOffset + done;
}
