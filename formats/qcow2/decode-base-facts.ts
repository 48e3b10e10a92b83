import { viewOf } from '../struct.ts';
import { extensionsIn } from './decode-extensions.ts';
import { header, MAGIC, SNAPSHOT_GUID, VERSION_2_SIZE } from './layout.ts';

/** What an overlay must know about its backing file. */
export interface BaseFacts {
  /** Size of the disk in bytes. */
  readonly diskSize: number;
  /**
   * The guid of the ZFS snapshot whose disk it holds; undefined if the image does not record one.
   */
  readonly snapshotGuid: bigint | undefined;
}

/** Bytes at the start of an image that `decodeBaseFacts` needs. */
export const BASE_HEAD_SIZE = 4096;

/** Decodes the beginning of a qcow2 image; undefined if it is not one. */
export function decodeBaseFacts(head: Uint8Array): BaseFacts | undefined {
  if (head.length < header.size || viewOf(head).getUint32(0) !== MAGIC) return undefined;
  const { size, version, headerLength } = header.decode(head);
  const start = version >= 3 ? headerLength : VERSION_2_SIZE;
  return { diskSize: Number(size), snapshotGuid: guidIn(head, start) };
}

function guidIn(head: Uint8Array, start: number): bigint | undefined {
  for (const { type, at, length } of extensionsIn(head, start, head.length)) {
    if (type !== SNAPSHOT_GUID) continue;
    return length === 8 && at + 8 <= head.length ? viewOf(head).getBigUint64(at) : undefined;
  }
  return undefined;
}
