import type { Problem } from './contract.ts';

/** A problem that may make the disk read wrong. */
export function error(message: string): Problem {
  return { severity: 'error', message };
}

/** A problem that only wastes space in the image. */
export function leak(message: string): Problem {
  return { severity: 'leak', message };
}

/** How a stored checksum differs from that of the bytes, as the predicate of a clause. */
export function checksumProblem(stored: number, actual: number): string {
  return `has the checksum ${hex32(stored)}, its bytes have ${hex32(actual)}`;
}

function hex32(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}
