// The checks of `kexport verify`: whether the structure is valid, whether all of the disk can be
// read, and whether it equals another disk.

import { fstatSync } from 'node:fs';
import type { Problem } from '../../formats/index.ts';
import { compareDisks, type CompareOptions } from './compare-disks.ts';
import { asKexportError, KexportError, throwIfAborted } from '../errors.ts';
import { SLAB_SIZE } from '../workers/slab.ts';
import { cutOffOf } from '../inspect/cut-off.ts';
import { imageSource } from './image-source.ts';
import { extentsOf } from '../sources/extents-of.ts';
import type { Source } from '../sources/source.ts';
import { filesNotOpened, type ImageFiles } from './open-image.ts';

/** How many problems are listed: a hostile image can have any number. */
const MAX_TOLD = 100;

/** How many are looked for in an image: counting millions would take longer than all else. */
const MAX_FOUND = 100_000;

/** The result of a check. */
export interface Verdict {
  /** The first 100 problems. */
  readonly problems: readonly Problem[];
  /** How many problems there are in all; the structure of an image is checked up to 100,000. */
  readonly problemCount: number;
  /**
   * Size of the disk in the image, in bytes; undefined for a damaged stream, or a zfs send stream
   * that was not compared.
   */
  readonly diskSize: number | undefined;
  /** Size of the other disk, in bytes; undefined without one. */
  readonly otherSize: number | undefined;
  /** How many bytes were compared, of a block device that is longer than the other disk. */
  readonly comparedSize?: number | undefined;
  /**
   * The first byte in which the two disks differ; undefined if they are equal or were not compared.
   */
  readonly differsAt: number | undefined;
  /**
   * Files that hold a part of the disk and were not opened, as the image names them: only the image
   * itself was checked.
   */
  readonly notOpened: readonly string[];
}

/** Options of {@link verifyImageFiles}. */
export interface VerifyOptions extends CompareOptions {
  /**
   * The disk that the one in the image must equal, apart from zeros at the end of the longer one. A
   * block device may hold anything after it.
   */
  readonly against?: Source | undefined;
  /** Threads that decompress. Default: one for each processor. */
  readonly threads?: number | undefined;
}

/**
 * Checks an image by reading all of it; with `alone`, all that the image itself has. Owns the image
 * and the other disk, and closes both. Throws a KexportError if a file cannot be read.
 */
export async function verifyImageFiles(
  image: ImageFiles,
  options: VerifyOptions = {},
): Promise<Verdict> {
  const source = imageSource(image, options.threads);
  const check = (tell: (problem: Problem) => void) => checkAll(image, tell, options.signal);
  const notOpened = filesNotOpened(image);
  const hasData = image.reader.notOpened === undefined;
  const { fd } = image.input;
  const isDevice = fd !== undefined && fstatSync(fd).isBlockDevice();
  const length = isDevice ? options.against?.size : undefined;
  return { ...(await verify(source, check, { ...options, length }, hasData)), notOpened };
}

/**
 * The same for a disk in a compressed file, or any other source: it only checks whether all of it
 * can be read, and compares it.
 */
export async function verifySource(source: Source, options: VerifyOptions): Promise<Verdict> {
  return { ...(await verify(source, () => Promise.resolve(), options)), notOpened: [] };
}

async function verify(
  source: Source,
  check: (tell: (problem: Problem) => void) => Promise<void>,
  options: VerifyOptions,
  hasData = true,
): Promise<Omit<Verdict, 'notOpened'>> {
  const { against } = options;
  options.onProgress?.({ phase: 'verifying', done: 0, total: source.size });
  try {
    const problems: Problem[] = [];
    let problemCount = 0;
    const tell = (problem: Problem) => {
      if (++problemCount <= MAX_TOLD) problems.push(problem);
    };
    await damagedToProblem(tell, () => check(tell));
    let differsAt: number | undefined;
    await damagedToProblem(tell, async () => {
      if (against) differsAt = await compareDisks(source, against, options);
      else if (hasData) await readAll(source, options);
    });
    const { size: diskSize } = source;
    if (hasData) await damagedToProblem(tell, () => checkEnd(source, tell));
    const { length: comparedSize } = options;
    return { problems, problemCount, diskSize, otherSize: against?.size, comparedSize, differsAt };
  } finally {
    await source.close();
    await against?.close();
  }
}

/** Runs `work`, and reports an error `damaged` as a problem. Throws all other errors. */
export async function damagedToProblem(
  tell: (problem: Problem) => void,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof KexportError) || error.code !== 'damaged') throw error;
    tell({ severity: 'error', message: error.message });
  }
}

/** Checks the structure of an image and of its backing files. */
async function checkAll(
  image: Pick<ImageFiles, 'reader' | 'input' | 'backing'>,
  tell: (problem: Problem) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  let count = 0;
  try {
    for await (const problem of image.reader.check()) {
      throwIfAborted(signal);
      tell(problem);
      if (++count === MAX_FOUND) break;
    }
  } catch (error) {
    throw asKexportError(error, image.input.name);
  }
  if (image.backing) await checkAll(image.backing, tell, signal);
}

/** Whether the disk ends where it says. A stream has checked that itself. */
async function checkEnd(source: Source, tell: (problem: Problem) => void): Promise<void> {
  const { size = 0 } = source;
  const read = source.read?.bind(source);
  const message = read && (await cutOffOf(read, size));
  if (message !== undefined) tell({ severity: 'error', message });
}

async function readAll(source: Source, { signal, onProgress }: CompareOptions): Promise<void> {
  const buffer = new Uint8Array(SLAB_SIZE);
  for await (const { diskOffset, length } of extentsOf(source, buffer, signal)) {
    onProgress?.({ phase: 'verifying', done: diskOffset + length, total: source.size });
  }
}
