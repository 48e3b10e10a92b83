import { host } from '#host';
import { BLOCK_SIZE } from '../../formats/index.ts';
import { roundUp } from '../../formats/rounding.ts';

/**
 * The blocks of an extent that are not zero, by their index in it. `buffer` begins with the
 * `length` bytes of the extent; this fills it with zeros from there to the end of the last block.
 */
export function dataBlocks(buffer: Uint8Array, length: number): number[] {
  const end = roundUp(length, BLOCK_SIZE);
  buffer.fill(0, length, end);
  const blocks: number[] = [];
  for (let at = 0; at < end; at += BLOCK_SIZE) {
    if (!host.isZero(buffer.subarray(at, at + BLOCK_SIZE))) blocks.push(at / BLOCK_SIZE);
  }
  return blocks;
}
