import type { Partition, PartitionTable } from './disk-facts.ts';

/** The partitions that lie on a disk of that size, and a problem if one does not. */
export function onDisk(
  partitions: readonly Partition[],
  diskSize: number,
): Pick<PartitionTable, 'partitions' | 'problem'> {
  const ends = ({ diskOffset, size }: Partition) => diskOffset + size <= diskSize;
  const lost = partitions.find((partition) => !ends(partition));
  return {
    partitions: partitions.filter(ends),
    problem: lost && `partition ${lost.index} ends past the end of the disk (${diskSize} bytes)`,
  };
}
