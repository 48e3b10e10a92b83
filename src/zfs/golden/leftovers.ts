// What killed exports of golden images left on this machine: the pool that was being made, its loop
// device, and its file if the device had not taken it yet.

import { rm } from 'node:fs/promises';
import { reasonOf } from '../../errors.ts';
import { shellWord } from '../../host/shell-word.ts';
import { type Leftover, ownerState } from '../../host/owner.ts';
import { isOurName } from '../leftovers.ts';
import { listPoolDevices } from '../pool-disks.ts';
import { detachCommand, detachLoop, listSpoolDevices, listSpoolFiles } from './spool-disk.ts';
import { exportCommand, exportPool } from './temporary-pool.ts';

/**
 * Lists them, in the order in which they can be removed. A pool is known by the file that its
 * device has, so nothing in it says that an export has made it. Throws a KexportError.
 */
export async function listGoldenLeftovers(): Promise<Leftover[]> {
  const devices = await listSpoolDevices();
  const pools = (await listPoolDevices()).filter(({ pool }) => isOurName(pool));
  const found: Leftover[] = [];
  for (const { pool, paths } of pools) {
    const device = devices.find((one) => paths.some((path) => path.startsWith(`${one.device}p`)));
    found.push({
      name: `pool ${pool}`,
      state: device ? await ownerState(device.owner) : 'unmarked',
      remedy: exportCommand(pool),
      remove: () => exportPool(pool),
    });
  }
  for (const { device, owner } of devices) {
    found.push({
      name: `loop device ${device}`,
      state: await ownerState(owner),
      remedy: detachCommand(device),
      remove: () => detachLoop(device),
    });
  }
  for (const { path, owner } of await listSpoolFiles()) {
    found.push({
      name: `temporary file ${path}`,
      state: await ownerState(owner),
      remedy: `rm ${shellWord(path)}`,
      remove: () => rm(path, { force: true }).then(() => undefined, reasonOf),
    });
  }
  return found;
}
