import { host } from '#host';
import type { BackingFacts, Format, ImageReader } from '../../formats/index.ts';
import { asKexportError, KexportError, option, wording } from '../errors.ts';
import { closeFile, statFile } from '../host/descriptors.ts';
import { type FileInput, fileInput } from './file-input.ts';
import { formatOfBacking } from './image-format.ts';
import { openBeside } from './open-beside.ts';

/** An image that is open, and those that it takes the rest of its disk from. */
export interface OpenImage {
  /** The format's reader, which has the map of the disk. */
  readonly reader: ImageReader;
  /** The file of the image. */
  readonly input: FileInput;
  /** Has what this image leaves out; undefined if that is zeros. */
  readonly backing: OpenImage | undefined;
}

export interface OpenImageOptions {
  readonly format: Format;
  /**
   * Opens the other files that an image names, if they are in its folder. Default: an image that
   * needs one is refused.
   */
  readonly allowBacking?: boolean | undefined;
  /** What the size of the disk must be, in bytes. */
  readonly diskSize?: number | undefined;
  /**
   * Leaves the other files alone, as for who wants to know of the image itself: the disk then lacks
   * what they have. For images that are not read as disks; see `filesNotOpened`.
   */
  readonly alone?: boolean | undefined;
}

/** An image and all the files it is in. */
export interface ImageFiles extends OpenImage {
  /** Closes all of them; called once. */
  close(): Promise<void>;
}

/** QEMU sets no limit; whoever has longer chains commits them. */
const MAX_DEPTH = 64;

/**
 * Opens the image of `size` bytes in an open file, which is the image's once this has returned, and
 * the caller's if it throws. `path` is where its folder is looked for. Throws a KexportError.
 */
export async function openImage(
  path: string,
  fd: number,
  size: number,
  { format, allowBacking = false, diskSize, alone = false }: OpenImageOptions,
): Promise<ImageFiles> {
  const others: number[] = [];
  const closeOthers = async () => {
    await Promise.all(others.map((other) => closeFile(other)));
  };
  try {
    const chain = {
      path,
      allowBacking,
      alone,
      others,
      opened: new Set([await identityOf(fd)]),
      depth: 0,
    };
    const image = await openChain(fileInput(path, fd, size), format, chain);
    const { diskSize: found } = image.reader.facts;
    if (diskSize !== undefined && diskSize !== found) {
      const what = `the disk in ${path} has ${found} bytes`;
      throw new KexportError('source', wording`${what}, ${option('size')} says ${diskSize}`);
    }
    return {
      ...image,
      async close() {
        await closeOthers();
        await closeFile(fd);
      },
    };
  } catch (error) {
    await closeOthers();
    throw error;
  }
}

/** The files that an image needs and that were left alone, as it names them. */
export function filesNotOpened({ reader, backing }: OpenImage): readonly string[] {
  const below = backing ? undefined : reader.facts.backing?.file;
  return [...(reader.notOpened?.files ?? []), ...(below === undefined ? [] : [below])];
}

/** An image in an open file by itself, which stays the caller's. Throws a KexportError. */
export async function readImage(input: FileInput, format: Format): Promise<ImageFiles> {
  const refuse = (name: string) => {
    throw new KexportError('source', `${input.name} needs another file, ${JSON.stringify(name)}`);
  };
  const reader = await readWith(format, input, refuse);
  return { reader, input, backing: undefined, close: () => Promise.resolve() };
}

interface Chain {
  readonly path: string;
  readonly allowBacking: boolean;
  readonly alone: boolean;
  /** The files that are open beside the image. */
  readonly others: number[];
  /** Identities of the files above this one. */
  readonly opened: ReadonlySet<string>;
  readonly depth: number;
}

async function openChain(input: FileInput, format: Format, chain: Chain): Promise<OpenImage> {
  const open = async (name: string): Promise<FileInput> => {
    if (!chain.allowBacking) {
      throw new KexportError(
        'source',
        `${input.name} needs another file, ${JSON.stringify(name)}`,
        {
          hint: wording`${option('allowBacking', true)} opens it, if it lies in the folder of the image`,
        },
      );
    }
    const other = await openBeside(chain.path, name, input.name);
    chain.others.push(other.fd);
    return other;
  };
  const reader = await readWith(format, input, chain.alone ? leaveAlone : open);
  const { backing: below } = reader.facts;
  if (!below || chain.alone) return { reader, input, backing: undefined };

  const other = await open(below.file);
  const identity = await identityOf(other.fd);
  if (chain.opened.has(identity) || chain.depth === MAX_DEPTH) {
    const why = chain.opened.has(identity) ? 'names itself in the end' : 'is too long';
    throw new KexportError('source', `${chain.path}: its chain of backing files ${why}`);
  }
  const deeper = {
    ...chain,
    path: other.name,
    opened: new Set([...chain.opened, identity]),
    depth: chain.depth + 1,
  };
  const belowFormat = await formatOfBacking(other, below.format);
  const backing = await openChain(other, belowFormat, deeper);
  checkIdentity(input, below, backing);
  return { reader, input, backing };
}

function leaveAlone(): Promise<undefined> {
  return Promise.resolve(undefined);
}

/**
 * Over another disk, or one that was written to since, what the image leaves out would be wrong
 * bytes.
 */
function checkIdentity({ name }: FileInput, below: BackingFacts, { reader, input }: OpenImage) {
  const { id } = reader.facts;
  if (below.id === undefined || below.id === id) return;
  const what = `${name} builds upon an image with the id ${below.id}, ${input.name} has ${id ?? 'none'}`;
  throw new KexportError('source', what, {
    hint: 'it is another image, or was written to since; if it is right, merge the two by the program that made them',
  });
}

async function readWith(
  format: Format,
  input: FileInput,
  openOther: (name: string) => Promise<FileInput | undefined>,
): Promise<ImageReader> {
  if (!format.read) {
    throw new KexportError('unsupported', `${input.name}: ${format.name} can be written, not read`);
  }
  try {
    return await format.read({ input, openOther, hasher: host.hasher });
  } catch (error) {
    throw asKexportError(error, input.name);
  }
}

async function identityOf(fd: number): Promise<string> {
  const { dev, ino } = await statFile(fd, { bigint: true });
  return `${dev}:${ino}`;
}
