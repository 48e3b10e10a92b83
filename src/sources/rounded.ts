// Makes a disk larger at its end. The GPT is read ahead, since the edits at the start of the disk
// depend on it; the last blocks are kept until the old end is reached.

import { type OnWarning, Warning } from '../errors.ts';
import { BLOCK_SIZE } from '../../formats/index.ts';
import { type Edit, GPT_HEAD_SIZE, moveBackupGpt } from '../partitions/move-backup-gpt.ts';
import { roundUp, wholeSectors } from '../../formats/rounding.ts';
import { editedSource, overlay } from './edited.ts';
import { extentsOf } from './extents-of.ts';
import type { Source } from './source.ts';
import { withSource } from './with-source.ts';

/** Options of `roundedSource`. */
export interface RoundingOptions {
  /** Leaves a GPT unchanged, although its backup is then not at the end of the disk. */
  readonly keepGpt?: boolean | undefined;
  /** Called at most once, if a GPT has to be left unchanged without `keepGpt`. */
  readonly onWarning?: OnWarning | undefined;
}

/**
 * Rounds the size of a disk up to a multiple of `multiple` bytes (itself a multiple of
 * SECTOR_SIZE), fills the end with zeros, and moves the backup GPT to the new end. Returns `source`
 * itself if its size is already right, or not known yet; otherwise the new source owns it.
 */
export function roundedSource(
  source: Source,
  multiple: number,
  { keepGpt = false, onWarning }: RoundingOptions = {},
): Source {
  const oldSize = source.size;
  if (oldSize === undefined) return source;
  const size = roundUp(oldSize, multiple);
  if (size === oldSize) return source;

  const padded = paddedSource(source, size);
  // A GPT that ends at the end of the last sector stays there.
  if (keepGpt || size === wholeSectors(oldSize)) return padded;
  let moved: Source | undefined;
  return withSource(padded, {
    async next(buffer, signal) {
      moved ??= await withMovedGpt(padded, { oldSize, size, onWarning }, signal);
      return moved.next(buffer, signal);
    },
  });
}

interface Growth extends Pick<RoundingOptions, 'onWarning'> {
  /** In bytes. */
  readonly oldSize: number;
  readonly size: number;
}

async function withMovedGpt(
  source: Source,
  { oldSize, size, onWarning }: Growth,
  signal: AbortSignal | undefined,
): Promise<Source> {
  const { head, replayed } = await readHead(source, signal);
  const move = await moveBackupGpt(head, oldSize, size);
  if (!move) return replayed;
  if ('edits' in move) return editedSource(replayed, move.edits);
  const what = `the disk is rounded up to ${size} bytes, but its backup GPT is not moved`;
  onWarning?.(new Warning('backup-gpt', `${source.name}: ${what}: ${move.problem}`));
  return replayed;
}

/** Fills the last block of a source with zeros up to the new end of the disk. */
function paddedSource(source: Source, size: number): Source {
  return withSource(source, {
    size,
    snapshotGuid: undefined, // an increment of that snapshot would bring the old end back
    read: undefined,
    async next(buffer, signal) {
      const extent = await source.next(buffer, signal);
      if (!extent) return undefined;
      const { diskOffset, length } = extent;
      const wholeBlocks = roundUp(length, BLOCK_SIZE);
      const end = Math.min(wholeBlocks, size - diskOffset);
      buffer.fill(0, length, end);
      return { diskOffset, length: end };
    },
  });
}

/** Reads the first GPT_HEAD_SIZE bytes, and makes a source that returns them again. */
async function readHead(
  source: Source,
  signal: AbortSignal | undefined,
): Promise<{ head: Uint8Array; replayed: Source }> {
  const head = new Uint8Array(GPT_HEAD_SIZE);
  const buffer = new Uint8Array(GPT_HEAD_SIZE);
  const pieces: Edit[] = [];
  let end = 0;
  for await (const { diskOffset, length } of extentsOf(source, buffer, signal)) {
    const piece = { diskOffset, bytes: buffer.slice(0, length) };
    pieces.push(piece);
    overlay(head, 0, piece);
    end = diskOffset + length;
    if (end >= GPT_HEAD_SIZE) break;
  }
  return { head, replayed: replayedSource(source, pieces, end < GPT_HEAD_SIZE) };
}

/** Returns the pieces that were read of a source, then the rest of it, unless it has `ended`. */
function replayedSource(source: Source, pieces: readonly Edit[], ended: boolean): Source {
  const waiting = [...pieces];
  return withSource(source, {
    next(buffer, signal) {
      const piece = waiting.shift();
      if (!piece) return ended ? Promise.resolve(undefined) : source.next(buffer, signal);
      const { diskOffset, bytes } = piece;
      const length = Math.min(bytes.length, buffer.length);
      buffer.set(bytes.subarray(0, length));
      if (length < bytes.length) {
        waiting.unshift({ diskOffset: diskOffset + length, bytes: bytes.subarray(length) });
      }
      return Promise.resolve({ diskOffset, length });
    },
  });
}
