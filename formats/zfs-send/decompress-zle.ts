import { FormatError } from '../errors.ts';

/** The level that ZFS always uses: a lower count byte is for literals, others are for zeros. */
const LITERALS = 64;

/**
 * Decompresses ZLE (OpenZFS, module/zfs/zle.c) until `output` is full: runs of literals and runs of
 * zeros, each after a byte that counts it. Throws a FormatError if the data is damaged.
 */
export function decompressZle(compressed: Uint8Array, output: Uint8Array): void {
  let from = 0;
  let to = 0;
  while (to < output.length) {
    const count = compressed[from++];
    if (count === undefined) throw damaged();
    const isLiteral = count < LITERALS;
    const length = isLiteral ? count + 1 : count + 1 - LITERALS;
    if (length > output.length - to) throw damaged();
    if (isLiteral) {
      if (length > compressed.length - from) throw damaged();
      output.set(compressed.subarray(from, from + length), to);
      from += length;
    } else {
      output.fill(0, to, to + length);
    }
    to += length;
  }
}

function damaged(): FormatError {
  return new FormatError('damaged', 'the ZLE data is damaged');
}
