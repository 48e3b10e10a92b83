import { FormatError } from '../errors.ts';

/** The level that ZFS always uses: up to here a count byte tells of literals, above of zeros. */
const LITERALS = 64;

/**
 * Unpacks ZLE (OpenZFS, module/zfs/zle.c): runs of literals and runs of zeros, each after a byte that counts it. Ends when
 * `output` is full; throws a FormatError where that cannot be.
 */
export function unpackZle(packed: Uint8Array, output: Uint8Array): void {
  let from = 0;
  let to = 0;
  while (to < output.length) {
    const count = packed[from++];
    if (count === undefined) throw damaged();
    const isLiteral = count < LITERALS;
    const length = isLiteral ? count + 1 : count + 1 - LITERALS;
    if (length > output.length - to) throw damaged();
    if (isLiteral) {
      if (length > packed.length - from) throw damaged();
      output.set(packed.subarray(from, from + length), to);
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
