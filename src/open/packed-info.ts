// Describes a disk in a compressed file or a zip archive, which requires reading all of it.

import { stat } from 'node:fs/promises';
import { host } from '#host';
import { BLOCK_SIZE } from '../../formats/index.ts';
import type { DiskFacts } from '../inspect/disk-facts.ts';
import { inspectDisk } from '../inspect/inspect-disk.ts';
import { extentsOf } from '../sources/extents-of.ts';
import { SLAB_SIZE } from '../workers/slab.ts';
import { isRemote } from '../remote/open-remote.ts';
import { openSource } from './open-source.ts';
import type { CommonOptions } from './source-options.ts';
import type { PackedKind } from '../images/image-kind.ts';
import type { ImageInfo } from '../images/describe-image.ts';

/** Bytes of the disk that are kept: enough for a partition table. */
const HEAD_SIZE = 2 ** 20;

const TITLES: Readonly<Record<PackedKind, string>> = {
  gz: 'a disk in a gzip file',
  zst: 'a disk in a zstd file',
  'tar.gz': 'disk.raw in a tar in a gzip file',
  zip: 'a disk in a zip archive',
};

/**
 * Reads the disk that is compressed in a file, `-` for standard input. Does not inspect the content
 * of its partitions. Throws a KexportError if it is damaged or not a disk.
 */
export async function packedInfo(
  path: string,
  kind: PackedKind,
  options: Pick<CommonOptions, 'connections' | 'endpoint' | 'signal'>,
): Promise<ImageInfo> {
  const { diskSize, storedSize, head } = await readPacked(path, kind, options);
  const facts = { format: kind, subformat: TITLES[kind], diskSize, details: {} };
  const found = path === '-' || isRemote(path) ? undefined : await stat(path);
  return {
    facts,
    fileSize: found?.size,
    allocatedSize: found && found.blocks * 512, // st_blocks counts 512 bytes
    storedSize,
    notOpened: [],
    disk: await inspectHead(head, diskSize),
  };
}

async function readPacked(
  path: string,
  from: PackedKind,
  options: Pick<CommonOptions, 'connections' | 'endpoint' | 'signal'>,
) {
  const { signal } = options;
  const source = await openSource(path, { ...options, from, takeSnapshot: false });
  const head = Buffer.alloc(HEAD_SIZE);
  const buffer = Buffer.allocUnsafeSlow(SLAB_SIZE);
  let storedSize = 0;
  try {
    for await (const { diskOffset, length } of extentsOf(source, buffer, signal)) {
      if (diskOffset < HEAD_SIZE) buffer.copy(head, diskOffset, 0, length);
      for (let at = 0; at < length; at += BLOCK_SIZE) {
        const block = buffer.subarray(at, Math.min(at + BLOCK_SIZE, length));
        if (!host.isZero(block)) storedSize += block.length;
      }
    }
    return { diskSize: source.size ?? 0, storedSize, head };
  } finally {
    await source.close();
  }
}

async function inspectHead(head: Buffer, diskSize: number): Promise<DiskFacts> {
  const read = (diskOffset: number, target: Uint8Array) => {
    target.fill(0);
    if (diskOffset < head.length) target.set(head.subarray(diskOffset, diskOffset + target.length));
    return Promise.resolve(target.length);
  };
  const { table, ...facts } = await inspectDisk(read, diskSize);
  const partitions = table.partitions.map((each) => ({ ...each, esp: undefined }));
  return { ...facts, table: { ...table, partitions } };
}
