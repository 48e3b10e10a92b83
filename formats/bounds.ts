import { FormatError } from './errors.ts';

/** A number of an image that counts bytes or sectors; throws a FormatError, which calls it `what`, if no double holds it exactly. */
export function exactNumber(value: bigint, what: string): number {
  if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
  throw new FormatError('damaged', `${what} is ${value}, more than any image has`);
}

/** Whether a number is 1, 2, 4 and so on. */
export function isPowerOfTwo(value: number): boolean {
  return value >= 1 && Number.isInteger(Math.log2(value));
}
