import { KexportError } from '../../errors.ts';
import { hostDisk, layerBelow } from '../../host/host-disk.ts';
import { type Mount, rootMount } from '../../host/mounts.ts';
import { shellWord } from '../../host/shell-word.ts';

/**
 * The error of an export without a disk on a machine whose root can be exported neither by a
 * checkpoint nor by snapshots: says what `/` is on, and what can be done.
 */
export async function noDisk(list: string): Promise<KexportError> {
  const root = await rootMount();
  const disk = root && (await hostDisk(root.source));
  const what = `no disk to export as ${list} is given`;
  const pipe = `kexport ${list} /dev/sdX, or kexport ${list} - for a pipe`;
  const hint = `give one: ${pipe}; kexport sources lists the disks`;
  if (!disk) {
    const found = root ? `, and / is ${root.type}, on no disk of this machine` : '';
    return new KexportError('usage', `${what}${found}`, { hint });
  }
  const place = await placeOf(root, disk.path);
  const torn = `kexport ${list} ${shellWord(disk.path)} --live-inconsistent`;
  return new KexportError('usage', `${what}, and / is ${root.type} on ${place}`, {
    hint: `${hint}. That of / is exported from another system that runs on this machine, since ${reasonFor(root)}, or copied while it changes: ${torn}`,
  });
}

/** The device of `/`, and what it lies on. */
async function placeOf({ source }: Mount, disk: string): Promise<string> {
  const layer = await layerBelow(source);
  if (layer) return `${source}, which is ${layer.kind} on ${layer.devices.join(', ')}`;
  return source === disk ? `all of ${disk}` : `${source}, a partition of ${disk}`;
}

/** Why it cannot be exported as of one instant. */
function reasonFor({ type }: Mount): string {
  if (type === 'btrfs') return 'a snapshot of btrfs holds files, not the disk';
  return 'only ZFS and LVM can hold a disk as of one instant';
}
