import { expect, test, vi } from 'vitest';
import type { DirectDisks } from '../../../src/live/direct-disk.ts';
import { capturePool } from '../../../src/zfs/live/capture-pool.ts';
import { takeCheckpoint } from '../../../src/zfs/live/checkpoint.ts';
import { fakeCommands, pathWith } from '../../support/fake-commands.ts';
import { memoryDisk, partitionAt } from '../../support/memory-disk.ts';
import { capturedLabels } from '../../support/zfs-labels.ts';

const SIZE = 100 * 2 ** 20;
const LEFT =
  'the checkpoint of pool tank is left behind: zpool checkpoint: permission denied; to remove it: zpool checkpoint -d tank';

/** Puts a zpool into PATH whose checkpoint of that transaction group cannot be discarded. */
function fakeZpool(txg: number, status = 'echo "checkpoint: created then, consumes 1K"'): void {
  const zpool = `case $* in
    'history -i tank') echo 'checkpointed uberblock txg=${txg}';;
    'status tank') ${status};;
    'get '*) echo 1024;;
    'checkpoint -d '*) echo 'permission denied' >&2; exit 1;;
  esac`;
  vi.stubEnv('PATH', pathWith(fakeCommands({ zfs: '', zpool })));
}

/** Disks that have those labels, one after another at each time that they are read. */
function disksOf(...names: string[]): DirectDisks {
  const disks = names.map((name) => {
    const bytes = new Uint8Array(SIZE);
    for (const { label, vdevOffset } of capturedLabels(name, SIZE)) bytes.set(label, vdevOffset);
    return memoryDisk(bytes);
  });
  let times = 0;
  return { at: () => disks[times++]!, close: () => Promise.resolve() };
}

const POOL = {
  ...{ name: 'tank', size: SIZE, free: SIZE, multihost: false, idle: [], missing: [], absent: [] },
  vdevs: [{ ...partitionAt(0, SIZE), disk: '/dev/sda' }],
};

test.each([
  ['the uberblock was overwritten', 1_000_000, ['ashift12', 'ashift12'], /in 1 of 5 attempts$/],
  ['a device was replaced', 29, ['ashift9', 'ashift12'], /was changed while it was exported/],
])('a checkpoint that stays when %s is reported', async (_, txg, labels, message) => {
  fakeZpool(txg);
  const warnings: string[] = [];
  const onWarning = ({ message: text }: { message: string }) => warnings.push(text);
  const captured = capturePool(disksOf(...labels), POOL, { onWarning });
  await expect(captured).rejects.toThrow(message);
  expect(warnings).toEqual([LEFT]);
});

test('a checkpoint that stays when its time cannot be read is reported', async () => {
  fakeZpool(1, 'echo "cannot open" >&2; exit 1');
  const warnings: string[] = [];
  const taken = takeCheckpoint(
    'tank',
    () => Promise.resolve(),
    ({ message }) => warnings.push(message),
  );
  await expect(taken).rejects.toThrow('zpool status: cannot open');
  expect(warnings).toEqual([LEFT]);
});
