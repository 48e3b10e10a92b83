import { basename, extname, join } from 'node:path';
import { type Format, FORMATS } from '../../../formats/index.ts';
import { KexportError } from '../../errors.ts';
import { isRemote, shownName } from '../../remote/open-remote.ts';
import type { Options } from '../options/options.ts';
import { isZippable } from './is-zippable.ts';
import type { Output } from './plan.ts';

/** What is planned, before the images have names. */
export interface Wanted {
  readonly formats: readonly Format[];
  readonly diskCount: number;
  readonly options: Options;
}

/**
 * Images of one name in a folder, each with the extension of its format. Several disks have a
 * number each in formats that hold one.
 */
export function imagesIn(
  folder: string,
  name: string,
  { formats, diskCount, options }: Wanted,
): Output[] {
  const named = (format: Format, disk: number | undefined, base: string): Output => {
    const file = `${base}.${format.extension}`;
    const zip = options.zip === true && isZippable(format);
    const place = placeIn(folder, zip ? `${file}.zip` : file);
    return { format, disk, ...place, fileName: file, zipEntry: zip ? file : undefined };
  };
  const isWhole = (format: Format) => diskCount > 1 && format.machine !== undefined;
  const names = Array.from({ length: diskCount }, (_, index) =>
    diskCount === 1 ? name : `${name}-${index + 1}`,
  );
  const ofOne = formats.filter((format) => !isWhole(format));
  return [
    ...names.flatMap((base, disk) => ofOne.map((format) => named(format, disk, base))),
    ...formats.filter(isWhole).map((format) => named(format, undefined, name)),
  ];
}

/** A file in a folder of this machine or of a store. */
function placeIn(folder: string, file: string): Pick<Output, 'path' | 'address'> {
  if (!isRemote(folder)) return { path: join(folder, file), address: undefined };
  const address = `${folder.replace(/\/$/, '')}/${file}`;
  return { path: address, address };
}

/**
 * The images that --output names: of one format at each place, or of the formats in their order.
 * Throws a KexportError.
 */
export function imagesNamed(files: readonly string[], wanted: Wanted): Output[] {
  const { formats, diskCount, options } = wanted;
  checkCounts(files, wanted);
  return files.map((file, index) => {
    const format = formats[formats.length === 1 ? 0 : index];
    if (!format) throw new Error('as many files as formats');
    const path = shownName(file);
    if (diskCount > 1 && !format.machine) throw oneEach(format, path, diskCount);
    const address = isRemote(file) ? file : undefined;
    checkExtension(format, path, options);
    const disk = diskCount === 1 ? 0 : undefined;
    if (path === '-') checkStdout(options);
    const zip = options.zip === true && isZippable(format);
    const zipEntry = zip ? `${nameOf({ format, path }, options)}.${format.extension}` : undefined;
    const fileName = path === '-' ? undefined : (zipEntry ?? basename(path));
    return { format, disk, path, address, fileName, zipEntry };
  });
}

function checkCounts(files: readonly string[], { formats }: Wanted): void {
  if (files.length === 0 || formats.length === 1 || formats.length === files.length) return;
  const [only = '', ...others] = files.map(shownName);
  const named =
    others.length === 0 ? `-o ${only} names one file` : `${files.length} files are named`;
  throw new KexportError('usage', `${named}, and ${formats.length} formats are given`, {
    hint:
      others.length === 0
        ? 'use --output-dir and --name'
        : 'give -o for each format, in their order, or for a folder, whose name ends in /',
  });
}

function oneEach({ name }: Format, path: string, diskCount: number): KexportError {
  const what = `-o ${path} names one file, and ${name} makes one of each of ${diskCount} disks`;
  const hint = 'use --output-dir and --name; an ova has all disks in one file';
  return new KexportError('usage', what, { hint });
}

function checkStdout({ json }: Options): void {
  if (!json) return;
  throw new KexportError('usage', '--json and -o - both write to standard output');
}

/** Refuses a name that says another format: every program that opens it would be misled. */
function checkExtension(format: Format, path: string, { zip }: Options): void {
  const extension = extname(path).slice(1).toLowerCase();
  if (zip && isZippable(format) && extension !== 'zip') {
    const hint = `call it ${basename(path)}.zip`;
    throw new KexportError('usage', `--zip makes a zip archive, and ${path} is no name of one`, {
      hint,
    });
  }
  const own = format.extension.split('.').at(-1);
  const others = Object.values(FORMATS).map((create) => create().extension);
  if (extension === own || extension === 'raw' || !others.includes(extension)) return;
  throw new KexportError(
    'usage',
    `${path} is the name of a ${extension}, not of a ${format.name}`,
    {
      hint: `call it ${basename(path, extname(path))}.${own ?? ''}, or make a ${extension}`,
    },
  );
}

/**
 * The name of an image, from the path of its file: dots are part of it, the extension is not. Empty
 * for standard output.
 */
export function nameOf(
  output: Pick<Output, 'format' | 'path'> | undefined,
  { zip }: Options,
): string {
  if (!output || output.path === '-') return '';
  const { extension } = output.format;
  const name = zip ? basename(output.path, '.zip') : basename(output.path);
  const own = extension.split('.').at(-1) ?? extension;
  const lower = name.toLowerCase();
  const found = [extension, own, 'raw', 'img'].find((each) => lower.endsWith(`.${each}`));
  return found === undefined ? name : name.slice(0, -found.length - 1);
}
