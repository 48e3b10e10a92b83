import { expect, test } from 'vitest';
import { readVdevLabels } from '../../../src/zfs/live/vdev-labels.ts';
import { memoryDisk, partitionAt } from '../../support/memory-disk.ts';
import { capturedLabels } from '../../support/zfs-labels.ts';

const PARTITION_OFFSET = 4096;

test('the labels of a vdev are read from its partition, and a damaged one is refused', async () => {
  const size = 100 * 2 ** 20;
  const bytes = new Uint8Array(PARTITION_OFFSET + size);
  for (const { label, vdevOffset } of capturedLabels('ashift12', size)) {
    bytes.set(label, PARTITION_OFFSET + vdevOffset);
  }
  const found = await readVdevLabels(memoryDisk(bytes), partitionAt(PARTITION_OFFSET, size));
  expect(found).toMatchObject({ config: { poolName: 'tank12' }, slotCount: 32 });
  expect(found.uberblocks).toHaveLength(4 * 12);
  bytes[PARTITION_OFFSET + 20_000]! ^= 1;
  await expect(
    readVdevLabels(memoryDisk(bytes), partitionAt(PARTITION_OFFSET, size)),
  ).rejects.toThrow('/dev/sda2: zfs: the vdev label at byte 0 has a wrong checksum');
});
