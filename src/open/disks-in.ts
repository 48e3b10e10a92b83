import { stat } from 'node:fs/promises';
import { openImageFile } from '../images/open-image-file.ts';
import { isRemote, shownName } from '../remote/open-remote.ts';
import type { SourceOptions } from './source-options.ts';

/** Options of {@link disksIn}. */
export type DisksInOptions = Pick<
  SourceOptions,
  'from' | 'ovaDisk' | 'connections' | 'endpoint' | 'signal'
>;

const MACHINES: readonly string[] = ['ova', 'vma'];

/**
 * The names of the disks in a file that has several, an OVA, an OVF or a VMA, in the order of the
 * machine: each is opened with `ovaDisk`. Empty for anything that is one disk. Throws a
 * KexportError.
 */
export async function disksIn(name: string, options: DisksInOptions = {}): Promise<string[]> {
  const { from, ovaDisk, connections, endpoint, signal } = options;
  const path = isRemote(name) ? shownName(name).replace(/\?.*$/s, '') : name;
  const isMachine = from === undefined ? /\.(ova|ovf|vma)$/i.test(path) : MACHINES.includes(from);
  if (!isMachine || ovaDisk !== undefined) return [];
  const found = isRemote(name) ? undefined : await stat(name).catch(() => undefined);
  if (!isRemote(name) && !found?.isFile()) return []; // opening it says why
  await using image = await openImageFile(name, {
    from: from === 'ova' || from === 'vma' ? from : undefined,
    alone: true,
    ...{ connections, endpoint, signal },
  });
  return image.reader.disks?.map((disk) => disk.name) ?? [];
}
