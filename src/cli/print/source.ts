import type { DiskSizes } from '../export/space.ts';
import { exactSize, formatSize } from './sizes.ts';

/** A disk in one line, with what people call it. */
export function describeSource({ size, dataSize }: DiskSizes, name: string): string {
  if (size === undefined) return `disk ${name}, whose size is known at its end`;
  const data = dataSize === undefined ? '' : `, ${formatSize(dataSize)} of data`;
  return `disk ${name}, ${exactSize(size)}${data}`;
}
