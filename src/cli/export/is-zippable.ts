import type { Format } from '../../../formats/index.ts';

/** Whether a format stores blocks as they are, and is written front to back. */
export function isZippable({ name }: Format): boolean {
  return name === 'raw' || name === 'vhd';
}
