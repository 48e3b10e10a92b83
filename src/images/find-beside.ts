import { readdir } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { host } from '#host';
import type { BackingFacts } from '../../formats/index.ts';
import { KexportError } from '../errors.ts';
import { closeFile } from '../host/descriptors.ts';
import { backingName } from './backing-name.ts';
import type { FileInput } from './file-input.ts';
import { formatOfBacking } from './image-format.ts';
import type { LocalInput } from './local-input.ts';
import { openBeside } from './open-beside.ts';

/** Files that are looked at. A limit of this program. */
const MAX_FILES = 1000;

/** Where VirtualBox puts the images of snapshots: below the folder of the first image. */
const SNAPSHOTS = 'Snapshots';

/**
 * Opens the backing file that the image at `path` knows by its UUID alone: in its folder, or above
 * VirtualBox's folder of snapshots. Throws a KexportError if it is not there.
 */
export async function findBeside(
  path: string,
  wanted: BackingFacts,
  image: string,
  signal: AbortSignal | undefined,
): Promise<LocalInput> {
  const own = dirname(path);
  const folders = basename(own) === SNAPSHOTS ? [own, dirname(own)] : [own];
  for (const folder of folders) {
    const names = await readdir(folder).catch(() => []);
    const candidates = names.filter((name) => extname(name) === extname(path));
    for (const name of candidates.slice(0, MAX_FILES)) {
      const found = await openBeside(join(folder, name), name, image, signal).catch(
        () => undefined,
      );
      if (!found) continue;
      if ((await uuidOf(found, wanted)) === wanted.uuids?.image) return found;
      await closeFile(found.fd);
    }
  }
  throw new KexportError(
    'source',
    `${image} needs ${backingName(wanted)}, which is not in its folder`,
    {
      hint: 'put it there, or merge the two with the program that made them',
    },
  );
}

/** Undefined for a file that has none, or cannot be read. */
async function uuidOf(input: FileInput, { format }: BackingFacts): Promise<string | undefined> {
  try {
    const known = await formatOfBacking(input, format);
    const openOther = () => Promise.resolve(undefined);
    const reader = await known.read?.({ input, openOther, hasher: host.hasher });
    return reader?.facts.uuids?.image;
  } catch {
    return undefined;
  }
}
