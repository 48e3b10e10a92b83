// Finds what of a disk belongs to no partition.

import { gptTable } from '../inspect/gpt-table.ts';
import type { HostDisk } from '../host/host-disk.ts';
import { diskView, type ReadAt } from '../partitions/disk-view.ts';
import type { DiskExtent } from './disk-extents.ts';

/**
 * Bytes at both ends of the disk that are always copied: boot loaders use the space before the
 * first partition, and the backup GPT lies after the last.
 */
const MARGIN = 2 ** 20;

/** The extents between the partitions of a GPT. */
export async function gapsOf(disk: HostDisk, read: ReadAt): Promise<DiskExtent[]> {
  const gpt = await gptTable(diskView(read, disk.size));
  const known = new Set(disk.partitions.map(({ diskOffset, size }) => `${diskOffset} ${size}`));
  // If the kernel sees other partitions, what seems a gap may be in use.
  const agrees = gpt?.partitions.every(({ diskOffset, size }) =>
    known.has(`${diskOffset} ${size}`),
  );
  if (!agrees || gpt?.problem !== undefined) return [];
  const gaps: DiskExtent[] = [];
  let start = MARGIN;
  for (const { diskOffset, size } of disk.partitions) {
    if (diskOffset > start) gaps.push({ start, end: diskOffset });
    start = Math.max(start, diskOffset + size);
  }
  const end = disk.size - MARGIN;
  return end > start ? [...gaps, { start, end }] : gaps;
}
