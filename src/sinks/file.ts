import type { FileHandle } from 'node:fs/promises';
import { EXT4, fileSystemOf, XFS } from '../host/file-systems.ts';
import { imageFile } from './image-file.ts';
import { cannotWrite, newFile, type NewFileOptions } from './new-file.ts';
import { openSink, type OpenSink } from './open-sink.ts';

// Bytes per step. Syncing dirty pages in steps keeps the final sync short and overlaps it with
// compression.
const SYNC_STEP = 128 * 2 ** 20;

/** Options of {@link fileSink}. */
export interface FileSinkOptions extends Pick<NewFileOptions, 'mode' | 'widestMode'> {
  /**
   * Replaces an existing file, and a partial one that a killed run left. Default false: that is an
   * error `exists`.
   */
  readonly force?: boolean | undefined;
}

/**
 * A sink that writes the image to a file: as `PATH.partial`, which `finish` syncs and `commit`
 * renames. Extents of zeros become holes. A file that is replaced passes on its owner and
 * permissions. Throws a KexportError `exists` if either file exists, unless `force` is set.
 */
export async function fileSink(
  path: string,
  { force = false, ...modes }: FileSinkOptions = {},
): Promise<OpenSink> {
  const made = await newFile(path, { ...modes, replace: force, removePartial: force });
  const { file } = made;
  const image = await imageFile(file, await isLocal(file));
  let allocated: number | undefined;
  let unsynced = 0;
  let syncing: Promise<void> | undefined;
  let syncFailure: unknown;
  let isEnded = false;

  /** Ends the use of the file, before it is closed. */
  const end = async () => {
    if (isEnded) return;
    isEnded = true;
    await syncing;
    await image.close();
  };
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
      await end();
      await made.commit();
    },
    settle: () => made.settle(),
    async discard() {
      await end();
      await made.discard();
    },
  });
}

/**
 * Whether the file lies on a file system where it is faster to bypass the page cache: one on the
 * disks of this machine, but not ZFS or btrfs, where each write would wait for checksums or parity.
 */
async function isLocal(file: FileHandle): Promise<boolean> {
  const type = await fileSystemOf(file).catch(() => undefined);
  return type === EXT4 || type === XFS;
}
