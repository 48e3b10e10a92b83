import { FormatError } from '../errors.ts';

/** Matches are of at least so many bytes. */
const MIN_MATCH = 4;
/** A length of four bits that goes on in the bytes that follow. */
const MORE = 15;

/**
 * Unpacks an LZ4 block (lz4_Block_format.md), which must give exactly as many bytes as `output` has. Throws a FormatError.
 */
export function unpackLz4(packed: Uint8Array, output: Uint8Array): void {
  let from = 0;
  let to = 0;
  for (;;) {
    const token = next();
    copyLiterals(lengthOf(token >> 4));
    if (from === packed.length) break; // the last sequence has no match
    const distance = next() | (next() << 8);
    copyMatch(distance, lengthOf(token & MORE) + MIN_MATCH);
  }
  if (to !== output.length) throw damaged();

  function next(): number {
    const byte = packed[from++];
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
    if (length > packed.length - from || length > output.length - to) throw damaged();
    output.set(packed.subarray(from, from + length), to);
    from += length;
    to += length;
  }

  /** What is copied may overlap what is written, and is then repeated. */
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
