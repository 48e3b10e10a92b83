import { stat } from 'node:fs/promises';
import { openImageFile } from '../images/open-image-file.ts';
import type { SourceOptions } from './source-options.ts';

/**
 * The names of the disks in a file that has several, an OVA or an OVF, in the order of the machine:
 * each is opened with `ovaDisk`. Empty for anything that is one disk. Throws a KexportError.
 */
export async function disksIn(
  name: string,
  { from, ovaDisk, signal }: Pick<SourceOptions, 'from' | 'ovaDisk' | 'signal'> = {},
): Promise<string[]> {
  const isMachine = from === undefined ? /\.(ova|ovf)$/i.test(name) : from === 'ova';
  if (!isMachine || ovaDisk !== undefined) return [];
  const found = await stat(name).catch(() => undefined);
  if (!found?.isFile()) return []; // opening it says why
  const options = { from: from === 'ova' ? from : undefined, alone: true, signal };
  await using image = await openImageFile(name, options);
  return image.reader.disks?.map((disk) => disk.name) ?? [];
}
