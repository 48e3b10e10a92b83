import { BLOCK_SIZE } from '../../formats/index.ts';
import { roundDown } from '../../formats/rounding.ts';
import type { Edit } from '../partitions/move-backup-gpt.ts';
import type { Source } from './source.ts';
import { withSource } from './with-source.ts';

/**
 * The disk of a source with some of its bytes replaced. Edits are applied in order. The last edit
 * must end at the end of the disk; the blocks that it touches are kept in memory, since the source
 * may leave them out as zeros. No other edit may put data where the source leaves out blocks. The
 * new source owns `source`.
 */
export function editedSource(source: Source, edits: readonly [...Edit[], Edit]): Source {
  const last = edits.at(-1)!; // the type requires one
  const size = last.diskOffset + last.bytes.length;
  const tailOffset = roundDown(last.diskOffset, BLOCK_SIZE);
  const tail = new Uint8Array(size - tailOffset);
  let tailDone = 0;
  let ended = false;

  return withSource(source, {
    size,
    read: undefined,
    async next(buffer, signal) {
      while (!ended) {
        const extent = await source.next(buffer, signal);
        if (!extent) {
          ended = true;
          editedExtent(tail, tailOffset);
          break;
        }
        const { diskOffset, length } = extent;
        editedExtent(buffer.subarray(0, length), diskOffset);
        overlay(tail, tailOffset, { diskOffset, bytes: buffer.subarray(0, length) });
        if (diskOffset < tailOffset) {
          return { diskOffset, length: Math.min(length, tailOffset - diskOffset) };
        }
      }
      return nextOfTail(buffer);
    },
  });

  function editedExtent(bytes: Uint8Array, diskOffset: number): void {
    for (const edit of edits) overlay(bytes, diskOffset, edit);
  }

  function nextOfTail(buffer: Uint8Array) {
    const piece = tail.subarray(tailDone, tailDone + buffer.length);
    if (piece.length === 0) return undefined;
    const diskOffset = tailOffset + tailDone;
    buffer.set(piece);
    tailDone += piece.length;
    return { diskOffset, length: piece.length };
  }
}

/** Applies the part of an edit that lies in an extent of the disk that begins at `diskOffset`. */
export function overlay(extent: Uint8Array, diskOffset: number, edit: Edit): void {
  const start = Math.max(diskOffset, edit.diskOffset);
  const end = Math.min(diskOffset + extent.length, edit.diskOffset + edit.bytes.length);
  if (start >= end) return;
  const bytes = edit.bytes.subarray(start - edit.diskOffset, end - edit.diskOffset);
  extent.set(bytes, start - diskOffset);
}
