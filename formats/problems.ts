import type { Problem } from './contract.ts';

/** A problem that may have a byte of the disk be wrong. */
export function error(message: string): Problem {
  return { severity: 'error', message };
}

/** A problem that only takes space. */
export function leak(message: string): Problem {
  return { severity: 'leak', message };
}
