import { open } from 'node:fs/promises';
import { BASE_HEAD_SIZE, type BaseFacts, baseFacts } from '../formats/qcow2/base-facts.ts';
import { blockDeviceSize } from './block-device.ts';
import { KexportError, reasonOf } from './errors.ts';
import { formatOfFile } from './images/image-format.ts';

/** An image that others build upon. */
export interface BackingFile extends BaseFacts {
  readonly path: string;
  readonly format: 'qcow2' | 'raw';
}

/** Looks at an image. Throws a KexportError if it is neither qcow2 nor a raw disk. */
export async function inspectBackingFile(path: string): Promise<BackingFile> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw new KexportError('source', `cannot open ${path}: ${reasonOf(error)}`, { cause: error });
  });
  try {
    const found = await file.stat();
    if (found.isBlockDevice()) {
      const diskSize = await blockDeviceSize(path, file.fd);
      return { path, format: 'raw', diskSize, snapshotGuid: undefined };
    }
    const { buffer, bytesRead } = await file.read(
      Buffer.alloc(BASE_HEAD_SIZE),
      0,
      BASE_HEAD_SIZE,
      0,
    );
    const head = buffer.subarray(0, bytesRead);
    // By its name, and never by its first bytes alone: a guest writes those of a raw disk, and QEMU would open whatever
    // files a qcow2 there names.
    const format = formatOfFile(path, head)?.name ?? 'raw';
    if (format === 'raw') {
      return { path, format, diskSize: found.size, snapshotGuid: undefined };
    }
    const facts = format === 'qcow2' ? baseFacts(head) : undefined;
    if (facts) return { path, format: 'qcow2', ...facts };
    throw new KexportError('source', `${path} is a ${format}: an increment goes upon qcow2 or raw`);
  } finally {
    await file.close();
  }
}

/** Throws a KexportError if increments of that snapshot do not go upon an image, as far as the image tells. */
export function checkBackingFile(
  { path, snapshotGuid }: Pick<BackingFile, 'path' | 'snapshotGuid'>,
  stream: { readonly name: string; readonly fromGuid: bigint | undefined },
): void {
  const { name, fromGuid } = stream;
  if (fromGuid === undefined) {
    throw new KexportError('usage', `${name} is a full stream, and needs no other image below it`, {
      hint: 'leave out --backing and --flatten',
    });
  }
  if (snapshotGuid === undefined || snapshotGuid === fromGuid) return;
  const [found, wanted] = [snapshotGuid, fromGuid].map((guid) => guid.toString(16));
  throw new KexportError(
    'source',
    `${path} is the disk of the snapshot of guid ${String(found)}, ${name} builds upon ${String(wanted)}`,
    { hint: 'name the image that was made from that snapshot' },
  );
}
