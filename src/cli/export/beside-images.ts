import { dirname, join } from 'node:path';
import { KexportError } from '../../errors.ts';
import type { Options } from '../options/options.ts';
import { isRawDisk } from './is-raw-disk.ts';
import { nameOf } from './name-images.ts';
import type { Output, Plan } from './plan.ts';

/** The files beside the images, if they are requested. Throws a KexportError. */
export function besideImages(
  outputs: readonly Output[],
  options: Options,
): Pick<Plan, 'bmaps' | 'checksums'> {
  const { bmap, checksums } = options;
  return {
    bmaps: bmap ? bmapsOf(outputs, options) : [],
    checksums: checksums ? sumsOf(outputs) : undefined,
  };
}

/**
 * The block map of each disk; none if it has no raw image. bmaptool finds it beside the image by
 * the name without its extensions.
 */
function bmapsOf(outputs: readonly Output[], options: Options): string[] {
  const raw = outputs.filter(({ format }) => isRawDisk(format));
  if (raw.length === 0) return [];
  const found = filesOf('--bmap', raw).map((output) => ({
    disk: output.disk,
    path: join(dirname(output.path), `${nameOf(output, options)}.bmap`),
  }));
  const paths = [...new Set(found.map(({ path }) => path))];
  const disks = new Set(found.map(({ disk }) => disk));
  if (paths.length === disks.size) return paths;
  throw new KexportError('usage', `--bmap writes one map of a disk, not ${paths.join(' and ')}`, {
    hint: 'call its images the same, but for their extensions',
  });
}

/** One SHA256SUMS, in the folder of the images. */
function sumsOf(outputs: readonly Output[]): string {
  const folders = filesOf('--checksums', outputs).map(({ path }) => dirname(path));
  const [folder = '', ...others] = new Set(folders);
  if (others.length === 0) return join(folder, 'SHA256SUMS');
  const list = [folder, ...others].join(' and ');
  throw new KexportError('usage', `--checksums writes one SHA256SUMS, not one in each of ${list}`);
}

/** The images that are files of this machine. Throws a KexportError if there is none. */
function filesOf(option: string, outputs: readonly Output[]): readonly Output[] {
  const files = outputs.filter(({ path, address }) => address === undefined && path !== '-');
  if (files.length > 0) return files;
  if (outputs.some(({ path }) => path === '-')) {
    throw new KexportError('usage', `${option} is for files, not for -o -`);
  }
  throw new KexportError('usage', `${option} writes a file beside images on this machine`, {
    hint: option === '--bmap' ? 'leave it out' : '--json has the sums, and a store has its own',
  });
}
