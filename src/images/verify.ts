// The checks of `kexport verify`: whether the structure is valid, whether all of the disk can be
// read, and whether it equals another disk.

import type { DiskInImage, Problem } from '../../formats/index.ts';
import { compareDisks, type CompareOptions } from './compare-disks.ts';
import { asKexportError, KexportError, option, throwIfAborted, wording } from '../errors.ts';
import { SLAB_SIZE } from '../workers/slab.ts';
import { cutOffOf } from '../inspect/cut-off.ts';
import { imageSource } from './image-source.ts';
import { extentsOf } from '../sources/extents-of.ts';
import type { DiskNumber, Progress } from '../sources/progress.ts';
import type { Source } from '../sources/source.ts';
import { diskOfImage, filesNotOpened, type ImageFiles } from './read-image.ts';

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
   * Size of the disk in the image, in bytes, of several disks in all; undefined for a damaged
   * stream, or a zfs send stream that was not compared.
   */
  readonly diskSize: number | undefined;
  /** How many disks were read, if the image has several and none was chosen. */
  readonly diskCount?: number | undefined;
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
   * block device may hold anything after it. The image must not have several disks.
   */
  readonly against?: Source | undefined;
  /** Threads that decompress. Default: one for each processor. */
  readonly threads?: number | undefined;
}

/**
 * Checks an image by reading all of it; with `alone`, all that the image itself has. Of several
 * disks it reads each. Owns the image and the other disk, and closes both. Throws a KexportError if
 * a file cannot be read.
 */
export async function verifyImageFiles(
  image: ImageFiles,
  options: VerifyOptions = {},
): Promise<Verdict> {
  if (image.reader.disks) return verifyMachine(image, image.reader.disks, options);
  const source = imageSource(image, options);
  const check = (tell: (problem: Problem) => void) => checkAll(image, tell, options.signal);
  const notOpened = filesNotOpened(image);
  const hasData = image.reader.notOpened === undefined;
  const length = image.input.isDevice ? options.against?.size : undefined;
  return { ...(await verify(source, check, { ...options, length }, hasData)), notOpened };
}

/**
 * The same for a disk in a compressed file, or any other source: it only checks whether all of it
 * can be read, and compares it.
 */
export async function verifySource(source: Source, options: VerifyOptions): Promise<Verdict> {
  return { ...(await verify(source, () => Promise.resolve(), options)), notOpened: [] };
}

/** Closes the image and the other disk. */
async function verifyMachine(
  image: ImageFiles,
  disks: readonly DiskInImage[],
  options: VerifyOptions,
): Promise<Verdict> {
  const { against, signal } = options;
  try {
    if (against) throw severalDisks(image, disks);
    const { tell, ...found } = problemList();
    await damagedToProblem(tell, () => checkAll(image, tell, signal));
    let diskSize = 0;
    for (const [index, disk] of disks.entries()) {
      const tellOf = ({ severity, message }: Problem) =>
        tell({ severity, message: `${disk.name}: ${message}` });
      const number = { number: index + 1, count: disks.length };
      const one = await diskOfImage(image, disk).catch(unlessToldOf);
      if (!one) continue;
      diskSize += one.reader.facts.diskSize;
      await damagedToProblem(tellOf, () => readDisk(one, tellOf, number, options));
    }
    return {
      ...found.result(),
      diskSize,
      diskCount: disks.length,
      otherSize: undefined,
      differsAt: undefined,
      notOpened: filesNotOpened(image),
    };
  } finally {
    await image.close();
    await against?.close();
  }
}

function severalDisks({ input }: ImageFiles, disks: readonly DiskInImage[]): KexportError {
  const names = disks.map(({ name }) => name).join(', ');
  const what = `${input.name} has ${disks.length} disks (${names}), and one can be compared`;
  return new KexportError('usage', what, {
    hint: wording`choose it with ${option('ovaDisk', disks[0]?.name)}`,
  });
}

/** Undefined for a disk that cannot be opened, of which the check of the image has told. */
function unlessToldOf(error: unknown): undefined {
  const isToldOf =
    error instanceof KexportError && (error.code === 'damaged' || error.code === 'unsupported');
  if (!isToldOf) throw error;
}

/** Reads one disk of a machine. */
async function readDisk(
  image: ImageFiles,
  tell: (problem: Problem) => void,
  number: DiskNumber,
  { threads, signal, onProgress }: VerifyOptions,
): Promise<void> {
  if (image.reader.notOpened) return;
  const source = imageSource(image, { threads });
  try {
    const report = (state: Progress) => onProgress?.({ ...state, disk: number });
    await readAll(source, { signal, onProgress: report });
    await checkEnd(source, tell);
  } finally {
    await source.close();
  }
}

/** The problems of an image, as many as a verdict lists. */
function problemList() {
  const problems: Problem[] = [];
  let problemCount = 0;
  return {
    tell: (problem: Problem): void => {
      if (++problemCount <= MAX_TOLD) problems.push(problem);
    },
    result: () => ({ problems, problemCount }),
  };
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
    const { tell, ...found } = problemList();
    await damagedToProblem(tell, () => check(tell));
    let differsAt: number | undefined;
    await damagedToProblem(tell, async () => {
      if (against) differsAt = await compareDisks(source, against, options);
      else if (hasData) await readAll(source, options);
    });
    const { size: diskSize } = source;
    if (hasData) await damagedToProblem(tell, () => checkEnd(source, tell));
    const { length: comparedSize } = options;
    return { ...found.result(), diskSize, otherSize: against?.size, comparedSize, differsAt };
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
