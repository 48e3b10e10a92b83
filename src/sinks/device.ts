import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { blockDeviceSize } from '../host/block-device.ts';
import { errnoOf, KexportError, reasonOf, unexpectedFailure } from '../errors.ts';
import { qemuUse } from '../host/locks.ts';
import { imageFile } from './image-file.ts';
import { inUse } from './new-file.ts';
import { openSink, type OpenSink } from './open-sink.ts';
import { type Sink, writeZeros } from './sink.ts';

/** Options of {@link deviceSink}. */
export interface DeviceSinkOptions {
  /** The size that the device must have room for, in bytes. Default: not checked. */
  readonly diskSize?: number | undefined;
}

/**
 * A sink that writes the image to a block device, from its first byte. Throws a KexportError for a
 * device that is mounted or in use, or too small. The data on the device is lost, even if the
 * export fails later.
 */
export async function deviceSink(
  path: string,
  { diskSize }: DeviceSinkOptions = {},
): Promise<OpenSink> {
  const file = await openExclusive(path);
  const image = await imageFile(file, true);
  let closed = false;
  const close = async () => {
    if (closed) return;
    closed = true;
    await image.close();
    await file.close();
  };
  try {
    if (await qemuUse(file.fd)) throw inUse(path);
    const capacity = await blockDeviceSize(path, file.fd);
    if (diskSize !== undefined && diskSize > capacity) {
      throw new KexportError(
        'target',
        `${path} is too small: it has ${capacity} bytes, the disk ${diskSize}`,
      );
    }
  } catch (error) {
    await close();
    throw unexpectedFailure(`cannot open ${path}`, error);
  }

  const attempt = async (work: Promise<unknown>) => {
    try {
      await work;
    } catch (error) {
      throw new KexportError('target', `cannot write ${path}: ${reasonOf(error)}`, {
        cause: error,
      });
    }
  };
  const sink: Sink = {
    name: path,
    seekable: true,
    fd: file.fd,
    write: (imageOffset, buffers) => attempt(image.write(imageOffset, buffers)),
    zeros: (imageOffset, count, signal) => writeZeros(sink, imageOffset, count, signal),
    finish(length, _signal, onProgress) {
      onProgress?.({ phase: 'syncing', done: 0, total: length });
      return attempt(file.sync());
    },
    commit: close,
    discard: close,
  };
  return openSink(sink);
}

async function openExclusive(path: string): Promise<FileHandle> {
  try {
    // On a block device, O_EXCL without O_CREAT fails if the device or one of its partitions is in
    // use: mounted, swap, or part of a pool, a volume group or an array (open(2)).
    return await open(path, constants.O_RDWR | constants.O_EXCL);
  } catch (error) {
    if (errnoOf(error) === 'EBUSY') {
      throw new KexportError('target', `${path} is in use: mounted, swap, or part of a pool`, {
        cause: error,
        hint: `see lsblk ${path}`,
      });
    }
    throw new KexportError('target', `cannot open ${path}: ${reasonOf(error)}`, { cause: error });
  }
}
