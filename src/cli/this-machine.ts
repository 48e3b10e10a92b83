import { KexportError } from '../errors.ts';
import { findRootDisk } from '../zfs/root-disk.ts';

/** The disk that is meant where none is named: the one that this machine runs from, if that is ZFS. Throws a KexportError. */
export async function diskOfThisMachine(formats: readonly string[]): Promise<string> {
  const root = await findRootDisk();
  const list = formats.join(',');
  if (!root) {
    throw new KexportError('usage', `no disk given to export as ${list}`, {
      hint: `kexport ${list} /dev/sdX, or kexport ${list} - to read a pipe; kexport sources lists what there is`,
    });
  }
  const { pool, disks } = root;
  const [disk] = disks;
  if (disk === undefined || disks.length > 1) {
    const found = disks.length === 0 ? 'no disk of this machine' : disks.join(' and ');
    throw new KexportError('source', `this machine runs from the ZFS pool ${pool} on ${found}`, {
      hint: 'name the disk',
    });
  }
  return disk;
}
