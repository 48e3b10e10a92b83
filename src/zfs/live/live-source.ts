// The disk as it was at the instant of the checkpoints: read past the page cache, with labels, copies of
// mounted file systems and zeros in their places.

import { BLOCK_SIZE } from '../../../formats/index.ts';
import { roundUp } from '../../disk-size.ts';
import { throwIfAborted } from '../../errors.ts';
import type { Edit } from '../../partitions/move-backup-gpt.ts';
import { overlay } from '../../sources/edited.ts';
import type { Source } from '../../sources/source.ts';
import { ALIGNMENT } from '../../aligned-memory.ts';
import type { DirectDisk } from './direct-disk.ts';
import type { PartitionCopy } from './mounted-copy.ts';
import type { Stretch } from './plan.ts';

/** What takes the place of what is on the disk. */
export interface Replacements {
  readonly zeros: readonly Stretch[];
  readonly copies: readonly PartitionCopy[];
  readonly edits: readonly Edit[];
}

/** What is to be done beside the reading. */
export interface LiveHooks {
  /** Called before each read; throws if the export must not go on. */
  readonly check: () => void;
  /** Called when all is read; throws if that is of no use. */
  readonly finish: () => Promise<void>;
  readonly release: () => Promise<void>;
}

/** Reads `size` bytes of a disk. `release` lets go of it and of all else. */
export function liveSource(
  name: string,
  size: number,
  disk: DirectDisk,
  replacements: Replacements,
  hooks: LiveHooks,
): Source {
  const wanted = wantedStretches(replacements.zeros, size);
  let position = 0;
  let finished = false;

  return {
    name,
    size,
    async next(buffer, signal) {
      throwIfAborted(signal);
      hooks.check();
      const stretch = wanted.find(({ end }) => end > position);
      if (!stretch) {
        if (!finished) await hooks.finish();
        finished = true;
        return undefined;
      }
      const diskOffset = Math.max(position, stretch.start);
      const length = Math.min(buffer.length, stretch.end - diskOffset);
      await readReplaced(disk, diskOffset, buffer.subarray(0, length), replacements);
      position = diskOffset + length;
      return { diskOffset, length };
    },
    async read(from, buffer) {
      const length = Math.max(0, Math.min(buffer.length, size - from));
      const first = Math.floor(from / ALIGNMENT) * ALIGNMENT;
      const end = Math.min(roundUp(from + length, ALIGNMENT), size);
      const sectors = new Uint8Array(end - first);
      await readReplaced(disk, first, sectors, replacements);
      buffer.set(sectors.subarray(from - first, from - first + length));
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
  await disk.read(diskOffset, target);
  const end = diskOffset + target.length;
  for (const stretch of zeros) {
    if (stretch.start >= end || stretch.end <= diskOffset) continue;
    target.fill(
      0,
      Math.max(0, stretch.start - diskOffset),
      Math.min(target.length, stretch.end - diskOffset),
    );
  }
  for (const copy of copies) {
    const from = Math.max(diskOffset, copy.diskOffset);
    const to = Math.min(end, copy.diskOffset + copy.size);
    if (from >= to) continue;
    await copy.read(from - copy.diskOffset, target.subarray(from - diskOffset, to - diskOffset));
  }
  for (const edit of edits) overlay(target, diskOffset, edit);
}

/** All but the zeros, in whole blocks. */
function wantedStretches(zeros: readonly Stretch[], size: number): Stretch[] {
  const wanted: Stretch[] = [];
  let start = 0;
  for (const zero of zeros) {
    const end = roundUp(zero.start, BLOCK_SIZE);
    const next = Math.floor(zero.end / BLOCK_SIZE) * BLOCK_SIZE;
    if (next <= end) continue;
    if (end > start) wanted.push({ start, end });
    start = Math.max(start, next);
  }
  return size > start ? [...wanted, { start, end: size }] : wanted;
}
