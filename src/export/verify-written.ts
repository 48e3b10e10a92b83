import { host } from '#host';
import type { WholeCompression } from '../../formats/index.ts';
import { compressedDisk } from '../byte-streams/compressed-disk.ts';
import { fileStream } from '../byte-streams/file-stream.ts';
import { type ReadableFile, readableFile } from '../host/readable-file.ts';
import { digestSource } from './digest-source.ts';
import { asKexportError, KexportError, option, wording } from '../errors.ts';
import type { Image, ImageResult, Target } from './image.ts';
import type { ImageGroup } from './image-set.ts';
import { diskOfImage, type ImageFiles, readImage } from '../images/read-image.ts';
import type { OnProgress } from '../sources/progress.ts';
import { imageSource } from '../images/image-source.ts';
import { remoteInput } from '../images/remote-input.ts';
import type { Source } from '../sources/source.ts';
import { streamSource } from '../sources/stream.ts';

/** What images must read back as. */
export interface Expected {
  /** The disks of each image in their order. */
  readonly disks: readonly ExpectedDisk[];
  readonly threads: number | undefined;
  readonly signal: AbortSignal;
}

/** The disk that an image must read back as. */
export interface ExpectedDisk {
  /** In bytes. */
  readonly diskSize: number;
  /** Digest of the disk as it was read, see `DiskDigest`. */
  readonly digest: string | undefined;
  readonly onProgress: OnProgress;
}

/** Throws a KexportError for a target that has a disk and cannot be read back. */
export function checkVerifiable({ format, sink }: Target): void {
  if (format.describes !== undefined) return;
  const isReadable = sink.fd !== undefined || sink.readBack !== undefined;
  if (isReadable && (format.read ?? format.packed)) return;
  throw new KexportError('usage', `${sink.name} cannot be read back to verify it`, {
    hint: wording`${option('verify')} is for images in files: not for pipes and archives`,
  });
}

/**
 * Verifies the images of an export, one after the other, each with all threads. Fails as
 * `ImageGroup.each` does.
 */
export async function verifyAll(
  images: ImageGroup,
  results: ReadonlyMap<Target, ImageResult>,
  expected: Expected,
): Promise<void> {
  let turn = Promise.resolve();
  await images.each((image) => {
    const work = () => verifyImage(image, results.get(image.target)?.length ?? 0, expected);
    const done = turn.then(work);
    turn = done.catch(() => undefined);
    return done;
  });
}

/**
 * Reads a finished image back with the reader of its format. Throws a KexportError unless its
 * structure is valid and its disk is the one that was exported.
 */
async function verifyImage(image: Image, length: number, expected: Expected): Promise<void> {
  const { format, sink } = image;
  if (format.describes !== undefined) return;
  const { name, fd } = sink;
  // One of the two is there: checked above.
  const file = fd === undefined ? sink.readBack!(length, expected.signal) : readableFile(name, fd);
  try {
    const { packed } = format;
    const [disk] = expected.disks;
    if (packed && disk) {
      await compare(unpacked(name, file, length, packed), format.name, disk, expected);
    } else {
      // Workers read a file by its descriptor.
      const input = { ...remoteInput(name, length, file), fd };
      await readBack(await readImage(input, format), format.name, expected);
    }
  } catch (cause) {
    const error = asKexportError(cause, sink.name);
    if (!(error instanceof KexportError) || error.code !== 'damaged') throw error;
    throw new KexportError('target', `what was written cannot be read back: ${error.message}`, {
      cause,
      hint: HINT,
    });
  }
}

async function readBack(files: ImageFiles, format: string, expected: Expected): Promise<void> {
  for await (const { message } of files.reader.check()) throw differs(files.input.name, message);
  const { reader, input } = files;
  const count = reader.disks?.length ?? 1;
  if (count !== expected.disks.length) {
    throw differs(input.name, `${count} disks, not ${expected.disks.length}`);
  }
  for (const [index, disk] of expected.disks.entries()) {
    const found = reader.disks?.[index];
    const one = found ? await diskOfImage(files, found) : files;
    const source = imageSource(one, expected);
    await compare(source, format, disk, expected);
  }
}

/** The disk in a compressed image. */
function unpacked(
  name: string,
  file: ReadableFile,
  length: number,
  packed: WholeCompression,
): Source {
  const stream = fileStream(name, file, { start: 0, end: length, keepOpen: true });
  return streamSource(compressedDisk(stream, packed));
}

/** Owns the source. */
async function compare(
  source: Source,
  format: string,
  expected: ExpectedDisk,
  { signal, threads }: Expected,
): Promise<void> {
  const { name } = source;
  const { onProgress } = expected;
  try {
    const digest = await digestSource(
      source,
      threads ?? host.availableParallelism(),
      signal,
      (done) => onProgress({ phase: 'verifying', format, done, total: expected.diskSize }),
    );
    if (source.size !== expected.diskSize) {
      throw differs(name, `a disk of ${source.size ?? 0} bytes, not ${expected.diskSize}`);
    }
    if (digest !== expected.digest) throw differs(name, 'another disk');
  } finally {
    await source.close();
  }
}

const HINT = 'the storage or the memory of this machine may be failing, or kexport: try again';

function differs(name: string, found: string): KexportError {
  const what = `${name} is not what was written: it reads back as ${found}`;
  return new KexportError('target', what, { hint: HINT });
}
