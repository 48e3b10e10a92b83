import { openSource } from '../../open/open-source.ts';
import { disksIn } from '../../open/disks-in.ts';
import { shownName } from '../../remote/open-remote.ts';
import type { Options } from '../options/options.ts';
import type { SourceOptions } from '../../open/source-options.ts';
import type { Source } from '../../sources/source.ts';
import type { JobDisk, Running } from './export-job.ts';
import { sourceOptions } from './source-options.ts';

/** A named disk, which can also be looked at without a snapshot. */
export interface NamedDisk extends JobDisk {
  readonly options: SourceOptions;
}

/** Opens every disk before one is read: those of snapshots are then of about one time. */
export async function openNamed(disks: readonly NamedDisk[], running: Running): Promise<Source[]> {
  const sources: Source[] = [];
  try {
    for (const { path, options } of disks) {
      sources.push(await openSource(path, { ...options, ...running }));
    }
    return sources;
  } catch (error) {
    await Promise.all(sources.map((source) => source.close()));
    throw error;
  }
}

/** The disks that are named on the command line; of an OVA all, unless one is chosen. */
export async function namedDisks(names: readonly string[], options: Options): Promise<NamedDisk[]> {
  const how = sourceOptions(options);
  const found = names.map(async (path) => {
    const inside = await disksIn(path, how);
    if (inside.length === 0) return [{ path, name: shownName(path), options: how }];
    return inside.map((ovaDisk) => ({
      path,
      name: `${shownName(path)} (${ovaDisk})`,
      options: sourceOptions({ ...options, ovaDisk }),
    }));
  });
  return (await Promise.all(found)).flat();
}
