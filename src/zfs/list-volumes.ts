import { isOurName } from './leftovers.ts';
import { fields, zfs } from './run.ts';

/** A volume that can be exported, sizes in bytes. */
export interface ListedVolume {
  readonly name: string;
  readonly size: number;
  /** Space that it uses in the pool, with its snapshots and its reservation. */
  readonly used: number;
  /** The oldest first. */
  readonly snapshots: readonly ListedSnapshot[];
}

export interface ListedSnapshot {
  readonly name: string;
  readonly size: number;
  /** Space that destroying it would free. */
  readonly used: number;
  /** In seconds since 1970. */
  readonly createdAt: number;
}

/**
 * Lists the volumes of all imported pools and their snapshots, without those that exports made.
 * Throws a KexportError.
 */
export async function listVolumes(): Promise<ListedVolume[]> {
  const volumes = fields(await zfs(['list', '-Hp', '-t', 'volume', '-o', 'name,volsize,used']));
  const columns = 'name,volsize,used,creation';
  const sorted = ['-s', 'createtxg'];
  const lines = await zfs(['list', '-Hp', '-t', 'snapshot', ...sorted, '-o', columns]);
  const byVolume = new Map<string, ListedSnapshot[]>();
  for (const [name = '', size, used, created] of fields(lines)) {
    if (size === '-' || isOurName(name)) continue; // a snapshot of a file system has no size
    const [volume = ''] = name.split('@');
    const listed = byVolume.get(volume) ?? [];
    byVolume.set(volume, listed);
    listed.push({ name, size: Number(size), used: Number(used), createdAt: Number(created) });
  }
  return volumes
    .filter(([name = '']) => !isOurName(name))
    .map(([name = '', size, used]) => ({
      name,
      size: Number(size),
      used: Number(used),
      snapshots: byVolume.get(name) ?? [],
    }));
}
