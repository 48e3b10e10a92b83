import type { Warning } from '../../../src/errors.ts';
import { expect, test } from 'vitest';
import { ALLOCATABLE_OFFSET } from '../../../formats/zfs/free-space.ts';
import { readVdevConfig } from '../../../formats/zfs/vdev-config.ts';
import type { DirectDisk, DirectDisks } from '../../../src/live/direct-disk.ts';
import { freeSpaceOf, type PoolState } from '../../../src/zfs/live/free-space.ts';
import { partitionAt } from '../../support/memory-disk.ts';
import { sha256 } from '../../support/zfs-labels.ts';
import { recordedPool, type RecordedPool, toolsOf, unusedRuns } from '../../support/zfs-pools.ts';

const MIB = 2 ** 20;
const DISK_OFFSET = 34 * 512; // of the partition; not a multiple of the size of a read

/** The first device of a recorded pool as a disk with one partition; the rest is zeros. */
function disksOf({ devices }: RecordedPool): DirectDisks {
  const disk: DirectDisk = {
    read(diskOffset, target) {
      expect(diskOffset % 4096).toBe(0);
      expect(target.length % 4096).toBe(0);
      for (const [offset, bytes] of devices.get(0)![0]!) {
        const at = DISK_OFFSET + offset - diskOffset;
        if (at >= target.length || at + bytes.length <= 0) continue;
        target.set(bytes.subarray(Math.max(0, -at), target.length - at), Math.max(0, at));
      }
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
  return { at: () => disk, close: () => disk.close() };
}

function stateOf({ uberblock, devices }: RecordedPool, mebibytes: number): PoolState {
  const config = readVdevConfig(devices.get(0)![0]!.get(0)!, 0, sha256);
  const partition = { ...partitionAt(DISK_OFFSET, mebibytes * MIB), disk: '/dev/sda' };
  const labels = { config, labels: [], uberblocks: [], slotCount: 32 };
  return { name: 'tank', uberblock, vdevs: [{ partition, labels }] };
}

const find = async (pool: RecordedPool, signal = new AbortController().signal) => {
  const warnings: string[] = [];
  const onWarning = ({ message }: Warning) => void warnings.push(message);
  const options = { tools: toolsOf(pool), signal, onWarning };
  const groups = await freeSpaceOf(disksOf(pool), [stateOf(pool, 128)], options);
  return { groups, warnings };
};

test('free space is found where the partition lies on the disk', async () => {
  const { groups, warnings } = await find(recordedPool('ashift12', 128));
  expect(warnings).toEqual([]);
  expect(groups).toHaveLength(1);
  expect(groups[0]!.diskOffset).toBe(DISK_OFFSET + ALLOCATABLE_OFFSET);
  expect([...groups[0]!.bounds]).toEqual(unusedRuns('ashift12').get(0)!.flat());
});

test('damaged metadata gives a warning, and nothing is free', async () => {
  const pool = recordedPool('ashift12', 128);
  for (const [offset, bytes] of pool.devices.get(0)![0]!) if (offset > 0) bytes.fill(7);
  const { groups, warnings } = await find(pool);
  expect(groups).toEqual([]);
  expect(warnings).toEqual([
    expect.stringMatching(
      /^pool tank: its free space is copied, and with it what was deleted: zfs: every copy of a block is damaged/,
    ),
  ]);
});

test('an abort is an error, and not a warning', async () => {
  const aborted = AbortSignal.abort();
  await expect(find(recordedPool('ashift12', 128), aborted)).rejects.toThrow('interrupted');
});
