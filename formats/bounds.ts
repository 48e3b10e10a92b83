import { FormatError } from './errors.ts';

/** A byte or sector count as a number. Throws a FormatError if a double cannot hold it exactly. */
export function exactNumber(value: bigint, what: string): number {
  if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
  throw new FormatError('damaged', `${what} is ${value}, more than any image can have`);
}

/** Whether a number is 1, 2, 4 and so on. */
export function isPowerOfTwo(value: number): boolean {
  return value >= 1 && Number.isInteger(Math.log2(value));
}
