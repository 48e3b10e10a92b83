import { readFullySync } from '#descriptors';
// Not from the registry of formats: workers load this file.
import { MAX_COMPRESSED_EXTENT, type CompressionKind } from '../../formats/contract.ts';
import { reasonOf } from '../errors.ts';
import { type Decompressor, DecompressError } from './decompressor.ts';
import { decompressors } from './open-decompressor.ts';

/** A piece of a window, all in bytes. */
export interface FillPiece {
  readonly kind: 'plain' | CompressionKind;
  /**
   * The descriptor of the file, or what was read of it: of plain data the piece itself, else the
   * whole stream.
   */
  readonly stored: number | Uint8Array;
  readonly imageOffset: number;
  readonly imageLength: number;
  /** Length of the whole stream when decompressed. */
  readonly unpackedLength: number;
  /** Where the piece begins in the decompressed stream. */
  readonly from: number;
  /** Where the piece begins in the window. */
  readonly at: number;
  readonly length: number;
}

/** One slab to fill. */
export interface FillTask {
  readonly slab: number;
  /** Bytes of the slab to fill; what no piece covers becomes zeros. */
  readonly length: number;
  /** Ascending. */
  readonly pieces: readonly FillPiece[];
}

/** Why a window could not be filled. The message is a clause about the image. */
export interface FillProblem {
  readonly message: string;
  /** Whether the image is damaged; false if it could not be read. */
  readonly damaged: boolean;
}

// Bytes. Compressed streams are adjacent, so one read also fetches those that come next. Must hold
// the longest stream.
const READ_SIZE = 2 * MAX_COMPRESSED_EXTENT;

/**
 * Makes a function that fills windows, with buffers of its own. The function returns a problem if
 * it fails.
 */
export function fillWindow(): (slab: Uint8Array, task: FillTask) => FillProblem | undefined {
  const unpackerOf = decompressors();
  const whole = new Uint8Array(MAX_COMPRESSED_EXTENT);
  const ahead = readAhead();

  return (slab, { pieces, length }) => {
    let end = 0;
    ahead.forget();
    for (const [i, piece] of pieces.entries()) {
      slab.fill(0, end, piece.at);
      end = piece.at + piece.length;
      const problem = fill(slab.subarray(piece.at, end), piece, pieces.slice(i, i + 64));
      if (problem !== undefined) return problem;
    }
    slab.fill(0, end, length);
    return undefined;
  };

  function fill(
    target: Uint8Array,
    piece: FillPiece,
    coming: readonly FillPiece[],
  ): FillProblem | undefined {
    const { kind, imageOffset } = piece;
    try {
      if (kind === 'plain') fillPlain(target, piece);
      else unpack(unpackerOf(kind), ahead.get(piece, coming), target, piece);
      return undefined;
    } catch (error) {
      const where = `at 0x${imageOffset.toString(16)}`;
      if (!(error instanceof DecompressError)) {
        return { message: `cannot be read ${where}: ${reasonOf(error)}`, damaged: false };
      }
      return { message: `the ${kind} stream ${where} is damaged: ${error.message}`, damaged: true };
    }
  }

  function unpack(
    unpacker: Decompressor,
    packed: Uint8Array,
    target: Uint8Array,
    piece: FillPiece,
  ) {
    const { unpackedLength, from, length } = piece;
    if (length === unpackedLength) {
      unpacker(packed, target);
      return;
    }
    const output = whole.subarray(0, unpackedLength);
    unpacker(packed, output, from + length);
    target.set(output.subarray(from, from + length));
  }
}

function fillPlain(target: Uint8Array, { stored, imageOffset, from }: FillPiece): void {
  if (typeof stored === 'number') readFullySync(stored, imageOffset + from, target);
  else target.set(stored);
}

/** Reads compressed streams, together with those that follow them in the image. */
function readAhead() {
  const buffer = new Uint8Array(READ_SIZE);
  let start = 0;
  let end = 0;
  let file = -1;
  return {
    forget: () => (file = -1),
    get({ stored, imageOffset, imageLength }: FillPiece, coming: readonly FillPiece[]): Uint8Array {
      if (typeof stored !== 'number') return stored;
      if (stored !== file || imageOffset < start || imageOffset + imageLength > end) {
        start = imageOffset;
        end = reachOf(coming);
        file = -1;
        readFullySync(stored, start, buffer.subarray(0, end - start));
        file = stored;
      }
      return buffer.subarray(imageOffset - start, imageOffset - start + imageLength);
    },
  };
}

/** Where one read may end that covers the first of these pieces and those right behind it. */
function reachOf(coming: readonly FillPiece[]): number {
  const [first] = coming;
  if (!first) return 0;
  let end = first.imageOffset + first.imageLength;
  for (const { kind, stored, imageOffset, imageLength } of coming) {
    const behind = imageOffset >= first.imageOffset && imageOffset <= end;
    const reach = imageOffset + imageLength;
    if (
      kind === 'plain' ||
      stored !== first.stored ||
      !behind ||
      reach - first.imageOffset > READ_SIZE
    )
      break;
    end = Math.max(end, reach);
  }
  return end;
}
