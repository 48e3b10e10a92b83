import { FormatError } from '../errors.ts';

/** The shortest match, in bytes. */
const MIN_MATCH = 4;
/** The length of four bits that continues in the bytes after it. */
const MORE = 15;

/**
 * Decompresses an LZ4 block (lz4_Block_format.md). Throws a FormatError if it is damaged or does
 * not fill `output` exactly.
 */
export function decompressLz4(compressed: Uint8Array, output: Uint8Array): void {
  let from = 0;
  let to = 0;
  for (;;) {
    const token = next();
    copyLiterals(lengthOf(token >> 4));
    if (from === compressed.length) break; // the last sequence has no match
    const distance = next() | (next() << 8);
    copyMatch(distance, lengthOf(token & MORE) + MIN_MATCH);
  }
  if (to !== output.length) throw damaged();

  function next(): number {
    const byte = compressed[from++];
    if (byte === undefined) throw damaged();
    return byte;
  }

  function lengthOf(nibble: number): number {
    if (nibble < MORE) return nibble;
    let length = nibble;
    for (let byte = 255; byte === 255; length += byte) byte = next();
    return length;
  }

  function copyLiterals(length: number): void {
    if (length > compressed.length - from || length > output.length - to) throw damaged();
    output.set(compressed.subarray(from, from + length), to);
    from += length;
    to += length;
  }

  /** The match may overlap the output, and is then repeated. */
  function copyMatch(distance: number, length: number): void {
    if (distance === 0 || distance > to || length > output.length - to) throw damaged();
    if (distance >= length) output.copyWithin(to, to - distance, to - distance + length);
    else for (let i = to; i < to + length; i++) output[i] = output[i - distance]!;
    to += length;
  }
}

function damaged(): FormatError {
  return new FormatError('damaged', 'the LZ4 data is damaged');
}
