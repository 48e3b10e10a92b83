import type { BackingFacts, Format } from '../../formats/index.ts';
import { KexportError, option, wording } from '../errors.ts';
import { closeFile, statFile } from '../host/descriptors.ts';
import type { FileInput } from './file-input.ts';
import { formatOfBacking } from './image-format.ts';
import { backingName } from './backing-name.ts';
import { findBeside } from './find-beside.ts';
import { fileInput, type LocalInput } from './local-input.ts';
import { openBeside } from './open-beside.ts';
import {
  type ImageFiles,
  leaveAlone,
  type OpenImage,
  type ReadOptions,
  readWith,
} from './read-image.ts';

export interface OpenImageOptions extends ReadOptions {
  readonly format: Format;
  /**
   * Opens the other files that an image names, if they are in its folder. Default: refuses an image
   * that needs one.
   */
  readonly allowBacking?: boolean | undefined;
  /** The size that the disk must have, in bytes. */
  readonly diskSize?: number | undefined;
  /** Called with each file that is opened, before it is read; what it throws ends the opening. */
  readonly onOpen?: ((name: string, fd: number) => Promise<void>) | undefined;
  /** Aborts all reading of the files with a KexportError `aborted`, also after this. */
  readonly signal?: AbortSignal | undefined;
}

/** Longest chain of backing files. A limit of this program; QEMU has none. */
const MAX_DEPTH = 64;

/**
 * Opens the image of `size` bytes in an open file. Once this has returned, the image owns `fd`; if
 * it throws, the caller still does. The other files are looked for in the folder of `path`. Throws
 * a KexportError.
 */
export async function openImage(
  path: string,
  fd: number,
  size: number,
  { format, allowBacking = false, diskSize, alone = false, signal, onOpen }: OpenImageOptions,
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
      signal,
      onOpen,
      others,
      opened: new Set([await identityOf(fd)]),
      depth: 0,
    };
    const image = await openChain(fileInput(path, fd, size, signal), format, chain);
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

interface Chain {
  readonly path: string;
  readonly allowBacking: boolean;
  readonly alone: boolean;
  readonly signal: AbortSignal | undefined;
  readonly onOpen: OpenImageOptions['onOpen'];
  /** Descriptors of the other open files. */
  readonly others: number[];
  /** Identities of this file and those above it, to find loops. */
  readonly opened: ReadonlySet<string>;
  readonly depth: number;
}

async function openChain(input: FileInput, format: Format, chain: Chain): Promise<OpenImage> {
  const checkAllowed = (what: string) => {
    if (chain.allowBacking) return;
    throw new KexportError('source', `${input.name} needs another file, ${what}`, {
      hint: wording`${option('allowBacking', true)} opens it, if it lies in the folder of the image`,
    });
  };
  const keep = async (other: LocalInput): Promise<LocalInput> => {
    chain.others.push(other.fd);
    await chain.onOpen?.(other.name, other.fd);
    return other;
  };
  const open = async (name: string): Promise<LocalInput> => {
    checkAllowed(JSON.stringify(name));
    return keep(await openBeside(chain.path, name, input.name, chain.signal));
  };
  const find = async (wanted: BackingFacts): Promise<LocalInput> => {
    checkAllowed(backingName(wanted));
    return keep(await findBeside(chain.path, wanted, input.name, chain.signal));
  };
  const reader = await readWith(format, input, chain.alone ? leaveAlone : open);
  const { backing: below } = reader.facts;
  if (!below || chain.alone) return { reader, input, backing: undefined };

  const other = below.file === undefined ? await find(below) : await open(below.file);
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

/**
 * Throws if the backing file is another image than the overlay records, or was written to since:
 * what the overlay leaves out would then be wrong.
 */
function checkIdentity({ name }: FileInput, below: BackingFacts, { reader, input }: OpenImage) {
  const { id, uuids } = reader.facts;
  const pairs = [
    ['id', below.id, id],
    ['UUID', below.uuids?.image, uuids?.image],
    ['UUID of its last change', below.uuids?.modification, uuids?.modification],
  ] as const;
  const differing = pairs.find(([, wanted, found]) => wanted !== undefined && wanted !== found);
  if (!differing) return;
  const [kind, wanted = '', found = 'none'] = differing;
  const what = `${name} is an overlay on an image with the ${kind} ${wanted}, but ${input.name} has ${found}`;
  throw new KexportError('source', what, {
    hint: 'it is another image, or was written to since; if it is the right one, merge the two with the program that made them',
  });
}

async function identityOf(fd: number): Promise<string> {
  const { dev, ino } = await statFile(fd, { bigint: true });
  return `${dev}:${ino}`;
}
