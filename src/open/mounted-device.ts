import { statFile } from '../host/descriptors.ts';
import { mountsOn } from '../host/disks.ts';
import { nameOfDevice } from '../host/host-disk.ts';
import type { Mount } from '../host/mounts.ts';
import { type OnWarning, Warning } from '../errors.ts';

/** The file systems on an open block device that may be written to while it is read. */
export async function writableMounts(fd: number): Promise<Mount[]> {
  const { rdev } = await statFile(fd, { bigint: true });
  const device = await nameOfDevice(rdev);
  const mounts = device === undefined ? [] : await mountsOn(device);
  return mounts.filter(({ isReadOnly }) => !isReadOnly);
}

/** Warns of those on a device that is read as it is. */
export async function warnOfMounts(
  name: string,
  fd: number,
  onWarning: OnWarning | undefined,
): Promise<void> {
  const places = (await writableMounts(fd)).map(({ mountPoint }) => mountPoint).join(', ');
  if (places === '') return;
  const effect = 'what is written there during the export is in the image in part';
  const remedy = 'unmount it, mount it read-only, or export a snapshot';
  onWarning?.(
    new Warning('inconsistent', `${name} is mounted read-write at ${places}: ${effect}; ${remedy}`),
  );
}
