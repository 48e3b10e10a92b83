import type { Format } from '../../../formats/index.ts';

/** Whether an image is the disk itself, as it is or compressed. */
export function isRawDisk({ name }: Format): boolean {
  return name === 'raw' || name === 'raw.gz' || name === 'raw.zst';
}
