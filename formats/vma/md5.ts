import type { WriteRequest } from '../contract.ts';

/** Starts hashes; only MD5 is used. */
export type Hashers = Pick<WriteRequest, 'hasher'>;

/** The MD5 of bytes whose own MD5 lies from `start` to `end` and counts as zeros. */
export function md5Of(
  bytes: Uint8Array,
  [start, end]: readonly [start: number, end: number],
  { hasher }: Hashers,
): Uint8Array {
  const blank = Uint8Array.from(bytes).fill(0, start, end);
  const hash = hasher('md5');
  hash.update(blank);
  const hex = hash.digest();
  return Uint8Array.from({ length: 16 }, (_, i) => Number(`0x${hex.slice(2 * i, 2 * i + 2)}`));
}
