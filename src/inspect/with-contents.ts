import { diskView, partView, type ReadAt } from '../partitions/disk-view.ts';
import { contentOf } from './content.ts';
import type { DiskFacts, Partition } from './disk-facts.ts';

/** Partitions of a disk that are looked into. Limit of this program; a GPT has room for 128. */
const MAX_PARTITIONS = 128;

/**
 * The facts of a disk of `size` bytes with what its partitions hold, read from their first 128 KiB.
 * Throws only what `read` throws.
 */
export async function withContents(
  facts: DiskFacts,
  read: ReadAt,
  size: number,
): Promise<DiskFacts> {
  const disk = diskView(read, size);
  const partitions: Partition[] = [];
  for (const partition of facts.table.partitions) {
    const view = partView(disk, partition.diskOffset, partition.size);
    const content = partitions.length < MAX_PARTITIONS ? await contentOf(view) : undefined;
    partitions.push({ ...partition, content });
  }
  return { ...facts, table: { ...facts.table, partitions } };
}
