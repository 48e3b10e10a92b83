import { viewOf } from '../struct.ts';
import { END_OF_EXTENSIONS, extension, header, MAGIC, SNAPSHOT_GUID } from './layout.ts';
import { roundUp } from '../rounding.ts';

/** What an image that an overlay is put upon tells of itself. */
export interface BaseFacts {
  /** In bytes. */
  readonly diskSize: number;
  /** Of the ZFS snapshot whose disk it holds, if it was made by this program from one. */
  readonly snapshotGuid: bigint | undefined;
}

/** Bytes at the start of an image that are enough for `baseFacts`. */
export const BASE_HEAD_SIZE = 4096;

/** Reads the head of a qcow2 image; undefined if it is none. */
export function baseFacts(head: Uint8Array): BaseFacts | undefined {
  if (head.length < header.size || viewOf(head).getUint32(0) !== MAGIC) return undefined;
  const { size, version, headerLength } = header.decode(head);
  const start = version >= 3 ? headerLength : 72; // where version 2 ends
  return { diskSize: Number(size), snapshotGuid: guidIn(head, start) };
}

function guidIn(head: Uint8Array, start: number): bigint | undefined {
  for (let at = start; at + extension.size <= head.length;) {
    const { type, length } = extension.decode(head.subarray(at));
    at += extension.size;
    if (type === END_OF_EXTENSIONS) return undefined;
    if (type === SNAPSHOT_GUID && length === 8 && at + length <= head.length) {
      return viewOf(head).getBigUint64(at);
    }
    at += roundUp(length, 8);
  }
  return undefined;
}
