import { FormatError } from '../errors.ts';

/** A match has two bytes: six bits are its length less MIN_MATCH, ten bits its distance. */
const MIN_MATCH = 3;
const LENGTH_SHIFT = 2;
const DISTANCE_MASK = 0x3ff;

/**
 * Decompresses LZJB (OpenZFS, module/zfs/lzjb.c) until `output` is full. The bits of a byte, the
 * lowest first, say which of the next eight items are matches; the others are bytes. Throws a
 * FormatError if the data is damaged.
 */
export function decompressLzjb(compressed: Uint8Array, output: Uint8Array): void {
  let from = 0;
  let to = 0;
  let map = 0;
  let mask = 0x80;
  while (to < output.length) {
    mask = mask === 0x80 ? 1 : mask << 1;
    if (mask === 1) map = next();
    if ((map & mask) === 0) output[to++] = next();
    else copyMatch(next(), next());
  }

  function next(): number {
    const byte = compressed[from++];
    if (byte === undefined) throw damaged();
    return byte;
  }

  function copyMatch(high: number, low: number): void {
    const distance = ((high << 8) | low) & DISTANCE_MASK;
    if (distance === 0 || distance > to) throw damaged();
    const end = Math.min(to + (high >> LENGTH_SHIFT) + MIN_MATCH, output.length);
    for (; to < end; to++) output[to] = output[to - distance]!;
  }
}

function damaged(): FormatError {
  return new FormatError('damaged', 'the LZJB data is damaged');
}
