import { rmSync } from 'node:fs';
import { type FileHandle, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { errnoOf, KexportError, reasonOf } from '../../errors.ts';
import { noteLeftover } from '../../host/leftovers.ts';
import { shellWord } from '../../host/shell-word.ts';
import { partialOf } from '../../sinks/file.ts';
import type { HashedSink } from '../../sinks/hashed.ts';

/** A file SHA256SUMS for the images of an export, as `sha256sum -c` reads it. */
export interface Checksums {
  /**
   * Writes the new file under its partial name: the sums of the images that were finished, and the
   * lines of the old file about other files. Until `commit` or `discard`, other exports to the same
   * folder wait. Throws a KexportError.
   */
  write(images: readonly HashedSink[]): Promise<void>;
  /** Gives the new file its name. */
  commit(): Promise<void>;
  /** Removes the new file, and keeps the old one, if any. */
  discard(): Promise<void>;
}

/** A SHA256SUMS and the images whose sums it gets. */
export interface RunChecksums {
  readonly file: Checksums;
  readonly images: readonly HashedSink[];
}

/**
 * Runs `encode`, which writes images and calls `onFinished` before they get their names. The new
 * SHA256SUMS gets its name after them; if `encode` throws, the old one stays.
 */
export async function withChecksums<Result>(
  checksums: RunChecksums | undefined,
  encode: (onFinished: () => Promise<void>) => Promise<Result>,
): Promise<Result> {
  try {
    const result = await encode(async () => checksums?.file.write(checksums.images));
    await checksums?.file.commit();
    return result;
  } catch (error) {
    await checksums?.file.discard();
    throw error;
  }
}

/**
 * `force` replaces a partial file that a killed export left. Throws a KexportError if `path` cannot
 * be a file.
 */
export async function openChecksums(path: string, { force = false }): Promise<Checksums> {
  const partial = partialOf(path);
  const found = await stat(path).catch(() => undefined);
  if (found && !found.isFile()) {
    throw new KexportError('target', `cannot write ${path}: it exists and is not a file`);
  }
  let forget: (() => void) | undefined;

  return {
    async write(images) {
      const file = await openPartial(partial, force);
      forget = noteLeftover(partial, `rm ${shellWord(partial)}`, () => rmSync(partial));
      try {
        await file.writeFile(withSums(await oldText(path), images));
        await file.sync();
      } catch (error) {
        throw cannotWrite(path, error);
      } finally {
        await file.close();
      }
    },
    async commit() {
      await rename(partial, path).catch((error: unknown) => {
        throw cannotWrite(path, error);
      });
      forget?.();
      forget = undefined;
    },
    async discard() {
      if (forget) await rm(partial, { force: true });
      forget?.();
    },
  };
}

const INTERVAL = 50; // milliseconds
/** Far more than another export needs to rename its images. */
const PATIENCE = 5000; // milliseconds

async function openPartial(partial: string, force: boolean): Promise<FileHandle> {
  const started = performance.now();
  for (;;) {
    try {
      return await open(partial, 'wx');
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw cannotWrite(partial, error);
      if (performance.now() - started > PATIENCE) {
        if (!force) throw alreadyThere(partial, error);
        await rm(partial, { force: true });
      }
    }
    await setTimeout(INTERVAL);
  }
}

async function oldText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '';
    throw error;
  }
}

/** The text with the lines of the images at its end, and no older lines of them. */
function withSums(text: string, images: readonly HashedSink[]): string {
  const sums = images.flatMap(({ name, sha256 }) =>
    sha256 === undefined ? [] : [{ sha256, file: basename(name) }],
  );
  const isNew = (line: string) => sums.some(({ file }) => file === fileOf(line));
  const kept = text.split('\n').filter((line) => line !== '' && !isNew(line));
  const added = sums.map(({ sha256, file }) => `${sha256}  ${file}`);
  return [...kept, ...added].map((line) => `${line}\n`).join('');
}

/** The file that a line of SHA256SUMS is about; ` *` marks one that was read in binary mode. */
function fileOf(line: string): string | undefined {
  return /^[0-9a-f]{64} [ *](.*)$/i.exec(line)?.[1];
}

function alreadyThere(partial: string, cause: unknown): KexportError {
  const what = `${partial} exists: another export is writing it, or a killed one left it`;
  const hint = 'remove it, or use --force to replace it';
  return new KexportError('target', what, { cause, hint });
}

function cannotWrite(path: string, cause: unknown): KexportError {
  return new KexportError('target', `cannot write ${path}: ${reasonOf(cause)}`, { cause });
}
