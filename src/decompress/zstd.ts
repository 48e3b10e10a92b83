// Decompresses one frame of Zstandard (RFC 8878), by Node's own zlib where it has zstd (from
// 22.15), else by fzstd, in JavaScript.

import { host } from '#host';
import { Decompress } from 'fzstd';
import { DecompressError } from './decompressor.ts';

type ZstdSync = (packed: Uint8Array, options: { maxOutputLength: number }) => Buffer;

/** Undefined where the platform's zlib has no zstd. */
function zstdSync(): ZstdSync | undefined {
  return (host.zlib() as { readonly zstdDecompressSync?: ZstdSync } | undefined)
    ?.zstdDecompressSync;
}

const MAGIC = 0xfd2fb528;

/**
 * Largest window, in bytes, which every decoder must support ("Window_Descriptor"). With more, a
 * hostile frame could make us allocate any amount of memory.
 */
const MAX_WINDOW = 8 * 2 ** 20;

/** A `Decompressor`. */
export function decompressZstd(packed: Uint8Array, output: Uint8Array): void {
  const frame = packed.subarray(0, frameLength(packed, output.length));
  let found: number;
  try {
    const byPlatform = zstdSync();
    found = byPlatform ? byNode(byPlatform, frame, output) : byFzstd(frame, output);
  } catch (error) {
    if (error instanceof DecompressError) throw error;
    throw new DecompressError(error instanceof Error ? error.message : String(error));
  }
  if (found !== output.length) {
    throw new DecompressError(`it gives ${found} bytes, not ${output.length}`);
  }
}

function byNode(decompress: ZstdSync, frame: Uint8Array, output: Uint8Array): number {
  const bytes = decompress(frame, { maxOutputLength: output.length });
  output.set(bytes);
  return bytes.length;
}

/** Decompresses in pieces, because fzstd does not stop at the end of a given output buffer. */
export function byFzstd(frame: Uint8Array, output: Uint8Array): number {
  let length = 0;
  const stream = new Decompress((piece) => {
    if (piece.length > output.length - length) {
      throw new DecompressError(`it gives more than ${output.length} bytes`);
    }
    output.set(piece, length);
    length += piece.length;
  });
  stream.push(frame, true);
  return length;
}

/**
 * Length of the first frame, since other data may follow it: "Frame_Header" and "Blocks". Throws if
 * its content size is not `expected`.
 */
function frameLength(packed: Uint8Array, expected: number): number {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const need = (end: number) => {
    if (end > packed.length) throw new DecompressError('it ends within a frame');
  };
  need(5);
  if (view.getUint32(0, true) !== MAGIC) throw new DecompressError('it is not a zstd frame');
  const descriptor = view.getUint8(4);
  const singleSegment = (descriptor & 0x20) !== 0; // its window is its content
  const sizeLength = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >>> 6] ?? 0;
  const sizeAt = 5 + (singleSegment ? 0 : 1) + ([0, 1, 2, 4][descriptor & 3] ?? 0);
  let at = sizeAt + sizeLength;
  need(at);
  if (!singleSegment && windowSize(view.getUint8(5)) > MAX_WINDOW) {
    throw new DecompressError('its window is larger than 8 MiB');
  }
  const size = contentSize(view, sizeAt, sizeLength);
  if (size !== undefined && size !== expected) {
    throw new DecompressError(`it gives ${size} bytes, not ${expected}`);
  }
  for (let last = false; !last;) {
    need(at + 3);
    const block = view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
    last = (block & 1) !== 0;
    const repeated = ((block >>> 1) & 3) === 1; // RLE_Block: a byte, as often as the size says
    at += 3 + (repeated ? 1 : block >>> 3);
  }
  const end = at + ((descriptor & 4) !== 0 ? 4 : 0); // Content_Checksum
  need(end);
  return end;
}

/** "Window_Descriptor": an exponent of 5 bits and a mantissa of 3. */
function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >>> 3));
  return base + (base / 8) * (descriptor & 7);
}

/** "Frame_Content_Size"; undefined if the frame has none. */
function contentSize(view: DataView, at: number, length: number): number | undefined {
  if (length === 0) return undefined;
  if (length === 1) return view.getUint8(at);
  if (length === 2) return view.getUint16(at, true) + 256;
  return length === 4 ? view.getUint32(at, true) : Number(view.getBigUint64(at, true));
}
