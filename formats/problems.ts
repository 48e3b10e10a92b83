import type { Problem } from './contract.ts';
import { shortened } from './errors.ts';

/** A problem that may make the disk read wrong. */
export function error(message: string): Problem {
  return { severity: 'error', message: shortened(message) };
}

/** A problem that only wastes space in the image. */
export function leak(message: string): Problem {
  return { severity: 'leak', message: shortened(message) };
}

/** How a stored checksum differs from that of the bytes, as the predicate of a clause. */
export function checksumProblem(stored: number, actual: number): string {
  return `has the checksum ${hex32(stored)}, its bytes have ${hex32(actual)}`;
}

function hex32(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}
