import { statFile } from '../host/descriptors.ts';
import { mountsOn, writableAt } from '../host/disks.ts';
import { nameOfDevice } from '../host/host-disk.ts';
import { type OnWarning, Warning } from '../errors.ts';

/** Warns of file systems on an open block device that may be written to while it is read. */
export async function warnOfMounts(name: string, fd: number, onWarning: OnWarning): Promise<void> {
  const { rdev } = await statFile(fd, { bigint: true });
  const device = await nameOfDevice(rdev);
  const places = device === undefined ? undefined : writableAt(await mountsOn(device));
  if (places === undefined) return;
  const effect = 'what is written there during the export is in the image in part';
  const remedy = 'unmount it, mount it read-only, or export a snapshot';
  onWarning(
    new Warning('inconsistent', `${name} is mounted read-write at ${places}: ${effect}; ${remedy}`),
  );
}
