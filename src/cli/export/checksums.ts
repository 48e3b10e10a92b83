import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { errnoOf, KexportError } from '../../errors.ts';
import type { HashedSink } from '../../sinks/hashed.ts';
import { cannotWrite, type NewFile, newFile } from '../../sinks/new-file.ts';

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
  /** Called once `discard` is no longer needed. */
  settle(): Promise<void>;
  /** Removes the new file, and restores the old one, if any. */
  discard(): Promise<void>;
}

/** A SHA256SUMS and the images whose sums it gets. */
export interface RunChecksums {
  readonly file: Checksums;
  readonly images: readonly HashedSink[];
}

/** The steps of an export that a SHA256SUMS takes part in; see `EncodeOptions`. */
export interface ChecksumSteps {
  onFinished(): Promise<void>;
  onCommitted(): Promise<void>;
}

/**
 * Runs `encode`. The new SHA256SUMS gets its name after the images; if that fails, or `encode`
 * throws, neither it nor an image is left.
 */
export async function withChecksums<Result>(
  checksums: RunChecksums | undefined,
  encode: (steps: ChecksumSteps) => Promise<Result>,
): Promise<Result> {
  try {
    const result = await encode({
      onFinished: async () => checksums?.file.write(checksums.images),
      onCommitted: async () => checksums?.file.commit(),
    });
    await checksums?.file.settle();
    return result;
  } catch (error) {
    await checksums?.file.discard();
    throw error;
  }
}

/** The SHA256SUMS of that path. `force` replaces a partial file that a killed export left. */
export function checksumsFile(path: string, { force = false }): Checksums {
  let made: NewFile | undefined;
  return {
    async write(images) {
      made = await newSums(path, force);
      try {
        await made.file.writeFile(withSums(await oldText(path), images));
        await made.file.sync();
      } catch (error) {
        throw cannotWrite(path, error);
      }
    },
    commit: async () => made?.commit(),
    settle: async () => made?.settle(),
    discard: async () => made?.discard(),
  };
}

const INTERVAL = 50; // milliseconds
/** Far more than another export needs to rename its images. */
const PATIENCE = 5000; // milliseconds

/** Waits while another export to the same folder has a partial file there. */
async function newSums(path: string, force: boolean): Promise<NewFile> {
  const started = performance.now();
  for (;;) {
    const removePartial = force && performance.now() - started > PATIENCE;
    try {
      return await newFile(path, { replace: true, removePartial });
    } catch (error) {
      const isTaken = error instanceof KexportError && error.code === 'exists';
      if (!isTaken || removePartial) throw error;
      if (!force && performance.now() - started > PATIENCE) throw error;
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
  const added = sums.map(({ sha256, file }) => lineOf(sha256, file));
  return [...kept, ...added].map((line) => `${line}\n`).join('');
}

// sha256sum begins a line with a backslash if it writes characters of the name as escapes.
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\\', '\\\\'],
  ['\n', '\\n'],
  ['\r', '\\r'],
]);

function lineOf(sha256: string, file: string): string {
  const escaped = file.replace(/[\\\n\r]/g, (character) => ESCAPES.get(character) ?? character);
  return `${escaped === file ? '' : '\\'}${sha256}  ${escaped}`;
}

/** The file that a line of SHA256SUMS is about; ` *` marks one that was read in binary mode. */
function fileOf(line: string): string | undefined {
  const [, escape, file] = /^(\\?)[0-9a-f]{64} [ *](.*)$/i.exec(line) ?? [];
  if (escape !== '\\') return file;
  return file?.replace(/\\(.)/g, (_, letter: string) => UNESCAPED.get(letter) ?? letter);
}

const UNESCAPED: ReadonlyMap<string, string> = new Map([
  ['n', '\n'],
  ['r', '\r'],
]);
