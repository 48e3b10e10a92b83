import { open, stat } from 'node:fs/promises';
import {
  BASE_HEAD_SIZE,
  type BaseFacts,
  decodeBaseFacts,
} from '../../formats/qcow2/decode-base-facts.ts';
import { blockSizeOfPath } from '../host/block-device.ts';
import { readHead } from '../host/readable-file.ts';
import { KexportError, option, reasonOf, wording } from '../errors.ts';
import { type FileBegin, formatOfFile } from './image-format.ts';
import { shellWord } from '../host/shell-word.ts';
import { beginsSendStream } from './image-kind.ts';

/** An image that overlays have as their base. */
export interface BackingFile extends BaseFacts {
  readonly path: string;
  readonly format: 'qcow2' | 'raw';
}

/** Reads the facts of a base image. Throws a KexportError if it is neither qcow2 nor a raw disk. */
export async function inspectBackingFile(path: string): Promise<BackingFile> {
  const found = await stat(path).catch((error: unknown) => {
    throw cannotOpen(path, error);
  });
  if (found.isBlockDevice()) {
    const diskSize = await blockSizeOfPath(path).catch((error: unknown) => {
      throw error instanceof KexportError ? error : cannotOpen(path, error);
    });
    return { path, format: 'raw', diskSize, snapshotGuid: undefined };
  }
  if (!found.isFile()) {
    throw new KexportError('source', `${path} is neither a file nor a block device`);
  }
  const head = await headOf(path);
  const format = formatOfBase(path, { head, size: found.size });
  if (format === 'raw') return { path, format, diskSize: found.size, snapshotGuid: undefined };
  const facts = format === 'qcow2' ? decodeBaseFacts(head) : undefined;
  if (facts) return { path, format: 'qcow2', ...facts };
  const what = `${path} is a ${format}: the base of an overlay must be qcow2 or raw`;
  throw new KexportError('source', what, {
    hint: wording`${option('flatten', path)} merges it and the increment into a whole disk`,
  });
}

/**
 * The guid of the ZFS snapshot that an image was made from; undefined if the file does not record
 * it or is not a qcow2.
 */
export async function snapshotOfFile(path: string): Promise<bigint | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile() || !/\.qcow2?$/i.test(path)) return undefined;
  return decodeBaseFacts(await headOf(path))?.snapshotGuid;
}

/**
 * The format of a base by its name, never by its first bytes alone: a guest can write those of a
 * raw disk.
 */
function formatOfBase(path: string, begin: FileBegin): string {
  if (beginsSendStream(begin.head)) {
    throw new KexportError('source', `${path} is a zfs send stream, not an image`, {
      hint: `make an image of it first: kexport qcow2 ${shellWord(path)}`,
    });
  }
  try {
    return formatOfFile(path, begin)?.name ?? 'raw';
  } catch (error) {
    // The hint of `formatOfFile` names the option `from`, which is about the increment, not its
    // base.
    if (!(error instanceof KexportError)) throw error;
    const hint =
      'the base of an increment is read as qcow2 if its name ends in .qcow2, else as a raw disk';
    throw new KexportError(error.code, error.message, { cause: error, hint });
  }
}

async function headOf(path: string): Promise<Buffer> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw cannotOpen(path, error);
  });
  try {
    return await readHead(path, file.fd, BASE_HEAD_SIZE);
  } finally {
    await file.close();
  }
}

function cannotOpen(path: string, cause: unknown): KexportError {
  return new KexportError('source', `cannot open ${path}: ${reasonOf(cause)}`, { cause });
}
