import type { Problem } from './contract.ts';

/** A problem that may make the disk read wrong. */
export function error(message: string): Problem {
  return { severity: 'error', message };
}

/** A problem that only wastes space in the image. */
export function leak(message: string): Problem {
  return { severity: 'leak', message };
}
