// A file gets its name once it is complete, and the file of that name is there until then. Its
// folder is held open, so that it is found again when the folder is renamed meanwhile.

import { randomBytes } from 'node:crypto';
import { constants, renameSync, rmSync, type Stats } from 'node:fs';
import { access, type FileHandle, link, lstat, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoOf, KexportError, option, reasonOf, wording } from '../errors.ts';
import { type Folder, openFolder } from '../host/folder.ts';
import { qemuUse } from '../host/locks.ts';
import { noteLeftover } from '../host/leftovers.ts';
import { shellWord } from '../host/shell-word.ts';
import { pathToWrite } from './path-to-write.ts';

/** Options of {@link newFile}. */
export interface NewFileOptions {
  /** Replaces a file of that name. Default false: that is an error `exists`. */
  readonly replace?: boolean | undefined;
  /** Removes a partial file, which a killed run left. Default false: an error `exists`. */
  readonly removePartial?: boolean | undefined;
  /**
   * Permissions of the file, such as 0o600. Default: those of the file that it replaces, otherwise
   * what the umask leaves of 0o666.
   */
  readonly mode?: number | undefined;
  /** Permissions that the default must not exceed. */
  readonly widestMode?: number | undefined;
}

/** A file that is written under a partial name. */
export interface NewFile {
  /** Open for reading and writing. Its owner and permissions are final. */
  readonly file: FileHandle;
  /** Closes the file and gives it its name. */
  commit(): Promise<void>;
  /** Removes the file that was replaced. Call it once `discard` is no longer needed. */
  settle(): Promise<void>;
  /** Removes the file, and gives back its name to the one that was replaced. */
  discard(): Promise<void>;
}

/** The name of a file while it is written. */
export function partialOf(path: string): string {
  return `${path}.partial`;
}

/**
 * Creates `PATH.partial`, to be renamed to `path`. A file that is replaced passes on its owner and
 * permissions. Throws a KexportError.
 */
export async function newFile(given: string, options: NewFileOptions = {}): Promise<NewFile> {
  const path = await pathToWrite(given);
  const partial = partialOf(path);
  const folder = await openFolder(dirname(path)).catch((error: unknown) => {
    throw cannotWrite(partial, error);
  });
  try {
    return await newFileIn(folder, path, options);
  } catch (error) {
    await folder.close();
    throw error;
  }
}

/** Throws the KexportError of a file that could not be made, as far as looking tells. */
export async function checkNewFile(
  given: string,
  { replace = false }: Pick<NewFileOptions, 'replace'>,
): Promise<void> {
  const path = await pathToWrite(given);
  try {
    await access(dirname(path), constants.W_OK | constants.X_OK);
  } catch (error) {
    throw cannotWrite(partialOf(path), error);
  }
  if (!replace && (await statOf(path))) throw alreadyThere(path);
}

async function newFileIn(folder: Folder, path: string, options: NewFileOptions): Promise<NewFile> {
  const name = basename(path);
  const partial = partialOf(path);
  const [final, temporary] = [folder.at(name), folder.at(partialOf(name))];
  const { replace = false } = options;
  const old = await statOf(final);
  if (old && !replace) throw alreadyThere(path);
  if (old?.isFile()) await checkUnused(final, path);
  const file = await create(temporary, old, options).catch((error: unknown) => {
    throw errnoOf(error) === 'EEXIST'
      ? partialIsThere(partial, error)
      : cannotWrite(partial, error);
  });
  const forget = noteLeftover(partial, `rm ${shellWord(partial)}`, () => rmSync(temporary));
  const own = await file.stat().catch(async (error: unknown) => {
    await file.close();
    await rm(temporary, { force: true });
    forget();
    throw cannotWrite(partial, error);
  });
  const isOwn = async (at: string) => {
    const found = await statOf(at);
    return found?.dev === own.dev && found.ino === own.ino;
  };
  let kept: Kept | undefined;
  let closing: Promise<void> | undefined;
  const closeFile = () => (closing ??= file.close());

  return {
    file,
    async commit() {
      try {
        await closeFile();
        if (!(await isOwn(temporary))) {
          throw new KexportError('target', `${partial} was replaced by another program`);
        }
        if (replace) kept = await keep(folder, path);
        await (replace ? rename(temporary, final) : renameNew(temporary, final, path));
      } catch (error) {
        throw cannotWrite(path, error);
      }
      forget();
      await folder.sync();
    },
    async settle() {
      await kept?.remove();
      await folder.close();
    },
    async discard() {
      await closeFile();
      if (await isOwn(temporary)) await rm(temporary, { force: true });
      forget();
      if (await isOwn(final)) {
        if (kept) await kept.restore();
        // Without hard links, the new file is better than none.
        else if (!old) await rm(final, { force: true });
      } else await kept?.remove();
      await folder.close();
    },
  };
}

/**
 * Throws a KexportError for a file that QEMU has open: a virtual machine would go on with one that
 * has no name any more.
 */
async function checkUnused(at: string, path: string): Promise<void> {
  const file = await open(at, 'r').catch(() => undefined); // it need not be readable
  if (!file) return;
  try {
    if (await qemuUse(file.fd)) throw inUse(path);
  } finally {
    await file.close();
  }
}

/** The error of a file or device that QEMU has open. */
export function inUse(path: string): KexportError {
  return new KexportError('target', `${path} is in use: QEMU has it open`);
}

/** Creates a file that nobody else may open until its owner and permissions are final. */
async function create(
  path: string,
  old: Stats | undefined,
  { removePartial = false, mode, widestMode = 0o777 }: NewFileOptions,
): Promise<FileHandle> {
  if (removePartial) await rm(path, { force: true });
  const replaced = old?.isFile() ? old : undefined; // those of a link say nothing
  if (mode === undefined && !replaced) return open(path, 'wx+', 0o666 & widestMode);
  const wanted = mode ?? (replaced?.mode ?? 0) & widestMode;
  const file = await open(path, 'wx+', 0o600 & wanted); // 'x' follows no link
  try {
    const isInherited = replaced === undefined || (await inherit(file, replaced));
    await file.chmod(isInherited ? wanted : wanted & 0o707); // whatever the umask
    return file;
  } catch (error) {
    await file.close();
    await rm(path, { force: true });
    throw error;
  }
}

/** Gives a file the owner and group of another, as far as allowed; false if not the group. */
async function inherit(file: FileHandle, { uid, gid }: Stats): Promise<boolean> {
  const own = await file.stat();
  if (own.uid === uid && own.gid === gid) return true;
  const succeeds = (work: Promise<void>) =>
    work.then(
      () => true,
      () => false,
    );
  return (await succeeds(file.chown(uid, gid))) || succeeds(file.chown(own.uid, gid));
}

/** A file under a second name. */
interface Kept {
  restore(): Promise<void>;
  remove(): Promise<void>;
}

/** Keeps a file while another takes its name; undefined if there is none, or no hard links. */
async function keep(folder: Folder, path: string): Promise<Kept | undefined> {
  const name = basename(path);
  const second = `.${name}.${randomBytes(4).toString('hex')}.replaced`;
  const visible = join(dirname(path), second);
  const forget = noteLeftover(visible, `mv ${shellWord(visible)} ${shellWord(path)}`, () =>
    renameSync(folder.at(second), folder.at(name)),
  );
  try {
    await link(folder.at(name), folder.at(second));
  } catch {
    forget();
    return undefined;
  }
  return {
    async restore() {
      await rename(folder.at(second), folder.at(name));
      forget();
      await folder.sync();
    },
    async remove() {
      await rm(folder.at(second), { force: true });
      forget();
    },
  };
}

/** Renames unless the name is taken, in one step where the file system has hard links. */
async function renameNew(from: string, to: string, path: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST' || (await statOf(to))) throw alreadyThere(path);
    await rename(from, to);
    return;
  }
  await rm(from);
}

function statOf(path: string): Promise<Stats | undefined> {
  return lstat(path).catch(() => undefined);
}

function alreadyThere(path: string): KexportError {
  const hint = wording`use ${option('force', true)} to replace it`;
  return new KexportError('exists', `${path} exists`, { hint });
}

function partialIsThere(partial: string, cause: unknown): KexportError {
  const what = `${partial} exists: another export is writing it, or a killed one left it`;
  const hint = wording`remove it, or use ${option('force', true)} to replace it`;
  return new KexportError('exists', what, { cause, hint });
}

/** The error of a file that cannot be written, with what helps; a KexportError as it is. */
export function cannotWrite(path: string, error: unknown): KexportError {
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
