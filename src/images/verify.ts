// What `kexport verify` finds out: is the structure sound, can all of the disk be read, is it that
// of another.

import type { Problem } from '../../formats/index.ts';
import { compareDisks, type CompareOptions } from './compare-disks.ts';
import { asKexportError, KexportError, throwIfAborted } from '../errors.ts';
import { SLAB_SIZE } from '../workers/slab.ts';
import { cutOffOf } from '../inspect/cut-off.ts';
import { imageSource } from './image-source.ts';
import { extentsOf } from '../sources/extents-of.ts';
import type { Source } from '../sources/source.ts';
import { filesNotOpened, type ImageFiles } from './open-image.ts';

/** Problems that are told one by one; a hostile image has any number of them. */
const MAX_TOLD = 100;

/** What was found. */
export interface Verdict {
  /** The first of them. */
  readonly problems: readonly Problem[];
  /** How many there are, of which the first 100 are listed. */
  readonly problemCount: number;
  /**
   * Of the disk in the image, in bytes; undefined of a damaged stream, or one of zfs send that was
   * not compared.
   */
  readonly diskSize: number | undefined;
  /** In bytes; undefined without another disk. */
  readonly otherSize: number | undefined;
  /** The first byte in which the two disks differ; undefined also if they do not. */
  readonly differsAt: number | undefined;
  /**
   * Files that have a part of the disk and were left alone, as the image names them: only the image
   * by itself was checked.
   */
  readonly notOpened: readonly string[];
}

/** Options of {@link verifyImageFiles}. */
export interface VerifyOptions extends CompareOptions {
  /** A disk that the image's must be, but for zeros at the end of the longer one. */
  readonly against?: Source | undefined;
  /** Threads that decompress. Default: one for each processor. */
  readonly threads?: number | undefined;
}

/**
 * Checks an image, reading all of it; of one that was opened alone, what it has itself. Takes over
 * the image and the other disk. Throws where a file cannot be read.
 */
export async function verifyImageFiles(
  image: ImageFiles,
  options: VerifyOptions = {},
): Promise<Verdict> {
  const source = imageSource(image, options.threads);
  const check = (tell: (problem: Problem) => void) => checkAll(image, tell, options.signal);
  const notOpened = filesNotOpened(image);
  const hasData = image.reader.notOpened === undefined;
  return { ...(await verify(source, check, options, hasData)), notOpened };
}

/**
 * The same of a disk that is packed in a file, or of any other: whether all of it can be read is
 * all there is to it.
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
    return { problems, problemCount, diskSize, otherSize: against?.size, differsAt };
  } finally {
    await source.close();
    await against?.close();
  }
}

/** Carries out what may find an image damaged, which is told; other errors are thrown. */
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

/** The structure of an image and of the files below it. */
async function checkAll(
  image: Pick<ImageFiles, 'reader' | 'input' | 'backing'>,
  tell: (problem: Problem) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    for await (const problem of image.reader.check()) {
      throwIfAborted(signal);
      tell(problem);
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
    onProgress?.({ diskOffset: diskOffset + length, diskSize: source.size });
  }
}
