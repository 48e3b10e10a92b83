import { rmSync } from 'node:fs';
import { type FileHandle, link, lstat, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf, KexportError, option, reasonOf, wording } from '../errors.ts';
import { EXT4, fileSystemOf, XFS } from '../host/file-systems.ts';
import { noteLeftover } from '../host/leftovers.ts';
import { shellWord } from '../host/shell-word.ts';
import { imageFile } from './image-file.ts';
import { openSink, type OpenSink } from './open-sink.ts';

// Bytes per step. Syncing dirty pages in steps keeps the final sync short and overlaps it with
// compression.
const SYNC_STEP = 128 * 2 ** 20;

/** Options of {@link fileSink}. */
export interface FileSinkOptions {
  /** Replaces an existing file. Default false: that is an error `exists`. */
  readonly force?: boolean | undefined;
  /** Permissions of the file, such as 0o600. Default: what the umask leaves of 0o666. */
  readonly mode?: number | undefined;
}

/**
 * A sink that writes the image to a file: as `PATH.partial`, which `finish` syncs and `commit`
 * renames. Extents of zeros become holes. Throws a KexportError `exists` if either file exists,
 * unless `force` is set.
 */
export async function fileSink(
  path: string,
  { force = false, mode }: FileSinkOptions = {},
): Promise<OpenSink> {
  const replaces = await exists(path);
  if (replaces && !force) throw alreadyThere(path);
  const partial = partialOf(path);
  const file = await openPartial(partial, force, mode);
  const forget = noteLeftover(partial, `rm ${shellWord(partial)}`, () => rmSync(partial));
  const { own, image } = await readied(file).catch(async (error: unknown) => {
    await file.close();
    await rm(partial, { force: true });
    forget();
    throw cannotWrite(path, error);
  });
  let allocated: number | undefined;
  let unsynced = 0;
  let syncing: Promise<void> | undefined;
  let syncFailure: unknown;
  let closed = false;
  let committed = false;

  const attempt = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      throw cannotWrite(path, error);
    }
  };

  return openSink({
    name: path,
    seekable: true,
    fd: file.fd,
    get allocated() {
      return allocated;
    },
    async write(imageOffset, buffers) {
      unsynced += await attempt(image.write(imageOffset, buffers));
      if (unsynced >= SYNC_STEP && !syncing) {
        unsynced = 0;
        // Linux reports a failed write-back only once, so this error must be kept.
        syncing = file.datasync().catch((error: unknown) => void (syncFailure ??= error));
        void syncing.then(() => (syncing = undefined));
      }
    },
    zeros: () => Promise.resolve(),
    async read(imageOffset, buffer) {
      const { bytesRead } = await attempt(file.read(buffer, 0, buffer.length, imageOffset));
      return bytesRead;
    },
    async finish(length, _signal, onProgress) {
      onProgress?.({ phase: 'syncing', done: 0, total: length });
      await syncing;
      await attempt(file.truncate(length));
      await attempt(file.sync());
      if (syncFailure !== undefined) throw cannotWrite(path, syncFailure);
      allocated = (await file.stat()).blocks * 512;
    },
    async commit() {
      await close();
      const { dev, ino } = await attempt(stat(partial));
      if (dev !== own.dev || ino !== own.ino) {
        throw new KexportError('target', `${partial} was replaced by another program`);
      }
      await attempt(force ? rename(partial, path) : renameNew(partial, path));
      committed = true;
      forget();
      await syncDirectory(dirname(path));
    },
    async discard() {
      await close();
      forget();
      // The replaced file is gone, and the new image is better than none.
      if (committed && replaces) return;
      const name = committed ? path : partial;
      const now = await stat(name).catch(() => undefined);
      if (now?.dev === own.dev && now.ino === own.ino) await rm(name, { force: true });
    },
  });

  async function close(): Promise<void> {
    if (closed) return;
    closed = true;
    await syncing;
    await image.close();
    await file.close();
  }
}

async function readied(file: FileHandle) {
  return { own: await file.stat(), image: await imageFile(file, await isLocal(file)) };
}

/** The name of an image while it is written. */
export function partialOf(path: string): string {
  return `${path}.partial`;
}

async function openPartial(
  partial: string,
  force: boolean,
  mode: number | undefined,
): Promise<FileHandle> {
  try {
    if (force) await rm(partial, { force: true });
    if (mode === undefined) return await open(partial, 'wx+');
    const file = await open(partial, 'wx+', 0o600 & mode);
    await file.chmod(mode); // whatever the umask
    return file;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') {
      throw new KexportError(
        'exists',
        `${partial} exists: another export is writing it, or a killed one left it`,
        {
          cause: error,
          hint: wording`remove it, or use ${option('force', true)} to replace it`,
        },
      );
    }
    throw cannotWrite(partial, error);
  }
}

/**
 * Whether the file lies on a file system where it is faster to bypass the page cache: one on the
 * disks of this machine, but not ZFS or btrfs, where each write would wait for checksums or parity.
 */
async function isLocal(file: FileHandle): Promise<boolean> {
  const type = await fileSystemOf(file).catch(() => undefined);
  return type === EXT4 || type === XFS;
}

/** Renames unless the name is taken, in one step where the file system has hard links. */
async function renameNew(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST' || (await exists(to))) throw alreadyThere(to);
    await rename(from, to);
    return;
  }
  await rm(from);
}

async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}

/** Makes a rename durable. File systems that cannot sync a folder do that themselves. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r').catch(() => undefined);
  await directory?.sync().catch(() => undefined);
  await directory?.close();
}

function alreadyThere(path: string): KexportError {
  const hint = wording`use ${option('force', true)} to replace it`;
  return new KexportError('exists', `${path} exists`, { hint });
}

function cannotWrite(path: string, error: unknown): KexportError {
  if (error instanceof KexportError) return error;
  const details = { cause: error, hint: hintFor(errnoOf(error)) };
  return new KexportError('target', `cannot write ${path}: ${reasonOf(error)}`, details);
}

function hintFor(errno: string | undefined): string | undefined {
  switch (errno) {
    case 'ENOSPC':
    case 'EDQUOT':
      return 'make room there, or choose another folder';
    case 'ENOENT':
      return 'create the folder first';
    case 'EFBIG':
      return 'the file system does not take files of this size';
    default:
      return undefined;
  }
}
