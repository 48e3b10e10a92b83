// Reads the disk as it was at the instant of the checkpoints: past the page cache, with the edited
// labels, the copies of mounted file systems and zeros put in their places.

import { BLOCK_SIZE } from '../../formats/index.ts';
import { roundDown, roundUp } from '../../formats/rounding.ts';
import { throwIfAborted } from '../errors.ts';
import type { Edit } from '../partitions/move-backup-gpt.ts';
import { overlay } from '../sources/edited.ts';
import type { Source } from '../sources/source.ts';
import { type DirectDisk, readAnywhere } from './direct-disk.ts';
import type { PartitionCopy } from './mounted-copy.ts';
import type { DiskExtent, DiskExtents } from './disk-extents.ts';

/** Content that replaces that of the disk. */
export interface Replacements {
  readonly zeros: DiskExtents;
  readonly copies: readonly PartitionCopy[];
  readonly edits: readonly Edit[];
}

/** Callbacks of {@link liveSource}. */
export interface LiveHooks {
  /** Called before each read; throws if the export must not go on. */
  readonly check: () => void;
  /** Called once the whole disk is read; throws if the result is useless. */
  readonly finish: () => Promise<void>;
  readonly release: () => Promise<void>;
}

/**
 * A source of `size` bytes of a disk. Closing it calls `release`, which closes the disk and the
 * copies.
 */
export function liveSource(
  name: string,
  size: number,
  disk: DirectDisk,
  replacements: Replacements,
  hooks: LiveHooks,
): Source {
  let position = 0;
  let finished = false;

  return {
    name,
    size,
    gaps: 'unallocated',
    async next(buffer, signal) {
      throwIfAborted(signal);
      hooks.check();
      const wanted = nextWanted(replacements.zeros, position, buffer.length);
      if (wanted.start >= size) {
        if (!finished) await hooks.finish();
        finished = true;
        return undefined;
      }
      const diskOffset = wanted.start;
      const length = Math.min(wanted.end, size) - diskOffset;
      await readReplaced(disk, diskOffset, buffer.subarray(0, length), replacements);
      position = diskOffset + length;
      return { diskOffset, length };
    },
    async read(from, buffer) {
      const length = Math.max(0, Math.min(buffer.length, size - from));
      const replaced: Pick<DirectDisk, 'read'> = {
        read: (diskOffset, target) => readReplaced(disk, diskOffset, target, replacements),
      };
      buffer.set(await readAnywhere(replaced, from, length, size));
      return length;
    },
    close: () => hooks.release(),
  };
}

async function readReplaced(
  disk: DirectDisk,
  diskOffset: number,
  target: Uint8Array,
  { zeros, copies, edits }: Replacements,
): Promise<void> {
  const end = diskOffset + target.length;
  const isCopied = copies.some((copy) => copy.diskOffset <= diskOffset && end <= endOf(copy));
  if (!isCopied) await disk.read(diskOffset, target);
  const first = zeros.firstEndingAfter(diskOffset);
  for (let index = first; index < zeros.count && zeros.start(index) < end; index++) {
    const from = Math.max(0, zeros.start(index) - diskOffset);
    target.fill(0, from, Math.min(target.length, zeros.end(index) - diskOffset));
  }
  for (const copy of copies) {
    const from = Math.max(diskOffset, copy.diskOffset);
    const to = Math.min(end, endOf(copy));
    if (from >= to) continue;
    await copy.read(from - copy.diskOffset, target.subarray(from - diskOffset, to - diskOffset));
  }
  for (const edit of edits) overlay(target, diskOffset, edit);
}

function endOf({ diskOffset, size }: PartitionCopy): number {
  return diskOffset + size;
}

/**
 * Zeros shorter than this are read from the disk too and cleared afterwards: one long read is
 * faster than two. In bytes.
 */
const MIN_SKIP = 4 * BLOCK_SIZE;

/** The next extent to read, from `position` on: whole blocks, at most `length` bytes. */
function nextWanted(zeros: DiskExtents, position: number, length: number): DiskExtent {
  let start = position;
  let index = zeros.firstEndingAfter(start);
  for (; index < zeros.count && roundUp(zeros.start(index), BLOCK_SIZE) <= start; index++) {
    start = Math.max(start, roundDown(zeros.end(index), BLOCK_SIZE));
  }
  const end = start + length;
  for (; index < zeros.count; index++) {
    const firstBlock = roundUp(zeros.start(index), BLOCK_SIZE);
    if (firstBlock >= end) break;
    if (zeros.end(index) >= firstBlock + MIN_SKIP) return { start, end: firstBlock };
  }
  return { start, end };
}
