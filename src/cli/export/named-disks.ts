import { openSource } from '../../open/open-source.ts';
import { disksIn } from '../../open/disks-in.ts';
import { shownName } from '../../remote/open-remote.ts';
import type { Options } from '../options/options.ts';
import type { SourceOptions } from '../../open/source-options.ts';
import type { JobDisk } from './export-job.ts';
import { sourceOptions } from './source-options.ts';

/** A named disk, which can also be looked at without a snapshot. */
export interface NamedDisk extends JobDisk {
  readonly options: SourceOptions;
}

/** The disks that are named on the command line; of an OVA all, unless one is chosen. */
export async function namedDisks(names: readonly string[], options: Options): Promise<NamedDisk[]> {
  const how = sourceOptions(options);
  const found = names.map(async (path) => {
    const inside = await disksIn(path, how);
    if (inside.length === 0) return [namedDisk(path, shownName(path), how)];
    return inside.map((ovaDisk) =>
      namedDisk(path, `${shownName(path)} (${ovaDisk})`, sourceOptions({ ...options, ovaDisk })),
    );
  });
  return (await Promise.all(found)).flat();
}

function namedDisk(path: string, name: string, options: SourceOptions): NamedDisk {
  return {
    path,
    name,
    options,
    open: (running) => openSource(path, { ...options, ...running }),
  };
}
