import { host } from '#host';
import type { DiskInImage, Format, ImageReader } from '../../formats/index.ts';
import { asKexportError, KexportError } from '../errors.ts';
import { backingName } from './backing-name.ts';
import type { FileInput } from './file-input.ts';
import { withinFiles } from './within-files.ts';

/** An open image, and its chain of backing files. */
export interface OpenImage {
  /** The reader of its format, which has the map of the disk. */
  readonly reader: ImageReader;
  /** The file of the image. */
  readonly input: FileInput;
  /** The image that holds what this one leaves out; undefined if that is zeros. */
  readonly backing: OpenImage | undefined;
}

/** An image and all of its files. */
export interface ImageFiles extends OpenImage {
  /** Closes all files; call it once. */
  close(): Promise<void>;
}

export interface ReadOptions {
  /**
   * Opens none of the other files, to inspect the image itself: the disk then lacks their data. For
   * images that are not read as disks; see `filesNotOpened`.
   */
  readonly alone?: boolean | undefined;
}

/** The files that an image needs and that were not opened, as it names them. */
export function filesNotOpened({ reader, backing }: OpenImage): readonly string[] {
  const below = backing ? undefined : reader.facts.backing;
  return [...(reader.notOpened?.files ?? []), ...(below ? [backingName(below)] : [])];
}

/**
 * Reads an image that needs no other file, or with `alone` only what it has itself. The caller owns
 * `input` and closes it. Throws a KexportError.
 */
export async function readImage(
  input: FileInput,
  format: Format,
  { alone = false }: ReadOptions = {},
): Promise<ImageFiles> {
  const refuse = (name: string) => {
    throw new KexportError('source', `${input.name} needs another file, ${JSON.stringify(name)}`, {
      hint: 'an image of several files is read from a folder of this machine',
    });
  };
  const reader = await readWith(format, input, alone ? leaveAlone : refuse);
  const { backing } = reader.facts;
  if (backing && !alone) refuse(backingName(backing));
  return { reader, input, backing: undefined, close: () => Promise.resolve() };
}

/** Reads an image, whose other files `openOther` opens. Throws a KexportError. */
export async function readWith(
  format: Format,
  input: FileInput,
  openOther: (name: string) => Promise<FileInput | undefined>,
): Promise<ImageReader> {
  if (!format.read) {
    throw new KexportError('unsupported', `${input.name}: ${format.name} can be written, not read`);
  }
  try {
    return guarded(await format.read({ input, openOther, hasher: host.hasher }), input);
  } catch (error) {
    throw asKexportError(error, input.name);
  }
}

/** A reader that is not led astray by a hostile image, nor are those of its disks. */
function guarded(reader: ImageReader, input: FileInput): ImageReader {
  return {
    ...reader,
    extents: (from) => withinFiles(reader.extents(from), input),
    disks: reader.disks?.map((disk) => ({
      name: disk.name,
      async read() {
        try {
          return guarded(await disk.read(), input);
        } catch (error) {
          throw asKexportError(error, input.name);
        }
      },
    })),
  };
}

/**
 * The image as one of the disks of its machine, which the image still owns. Rejects with a
 * KexportError if it cannot be read.
 */
export async function diskOfImage(image: OpenImage, disk: DiskInImage): Promise<ImageFiles> {
  const reader = await disk.read();
  return { reader, input: image.input, backing: undefined, close: () => Promise.resolve() };
}

/** Opens no other file. */
export function leaveAlone(): Promise<undefined> {
  return Promise.resolve(undefined);
}
