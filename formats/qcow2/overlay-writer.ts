// Writes a qcow2 overlay, which holds the changes to a backing file, front to back like
// `writer.ts`. Its clusters have the size of the blocks that changed, so it holds nothing else.
// Blocks that are zeros now are marked as zeros.

import type { ImageOutput } from '../contract.ts';
import { viewOf } from '../struct.ts';
import { clusters } from './clusters.ts';
import { type Backing, encodeHeader } from './encode-header.ts';
import { deflateOf, encodeCompressed } from './encode-l2-entry.ts';
import { ALL_ZEROS, COPIED, ENTRY_SIZE } from './layout.ts';
import { mapWriter } from './map-writer.ts';

/** Arguments of {@link overlayWriter}. */
export interface OverlayRequest {
  /** The image; empty. */
  readonly output: ImageOutput;
  /** In bytes, a power of two from 512 to 65,536. */
  readonly clusterSize: number;
  readonly backing: Backing;
  /** The guid of the ZFS snapshot whose disk the overlay holds together with its backing file. */
  readonly snapshotGuid: bigint;
}

/**
 * A synchronous state machine. Clusters and zeros ascend. Buffers belong to the output until it is
 * flushed. Throws a FormatError for a disk that is too large for its clusters.
 */
export interface OverlayWriter {
  /** Adds a cluster, both as it is and as a zlib stream (RFC 1950). */
  add(diskOffset: number, bytes: Uint8Array, compressed: Uint8Array): void;
  /** Marks whole clusters as zeros. Offset and length are in bytes. */
  addZeros(diskOffset: number, length: number): void;
  /** Writes the end of the image. `diskSize` is in bytes. */
  finish(diskSize: number): void;
}

export function overlayWriter(request: OverlayRequest): OverlayWriter {
  const { output, clusterSize, backing, snapshotGuid } = request;
  const clusterBits = Math.log2(clusterSize);
  const l2Entries = clusterSize / ENTRY_SIZE;
  const span = l2Entries * clusterSize; // bytes of the disk that an L2 table maps
  const space = clusters(output, clusterSize);
  const map = mapWriter({ output, space, clusterSize });
  /** An L2 table that marks everything as zeros. L1 entries share it, as those of snapshots do. */
  let zeroTable: number | undefined;
  /** The one L1 entry that refers to it so far. */
  let zeroTableOwner: number | undefined;

  return {
    add(diskOffset, bytes, compressed) {
      const data = deflateOf(compressed);
      const entry =
        data.length < clusterSize
          ? encodeCompressed(space.addCompressed(data), data.length, clusterBits)
          : BigInt(space.addWhole(bytes)) | COPIED;
      map.set(diskOffset / clusterSize, entry);
    },
    addZeros(diskOffset, length) {
      const end = diskOffset + length;
      for (let at = diskOffset; at < end;) {
        if (at % span === 0 && end - at >= span) {
          addZeroTable(at / span);
          at += span;
        } else {
          map.set(at / clusterSize, ALL_ZEROS);
          at += clusterSize;
        }
      }
    },
    finish(diskSize) {
      const l1 = map.finish(diskSize);
      const refcounts = space.finish();
      const facts = { diskSize, clusterBits, ...l1, ...refcounts, backing, snapshotGuid };
      output.patch(0, encodeHeader({ ...facts, withFeatureNames: false }));
    },
  };

  function addZeroTable(index: number): void {
    map.endTable();
    if (zeroTable !== undefined && space.share(zeroTable)) {
      if (zeroTableOwner !== undefined) map.setTable(zeroTableOwner, BigInt(zeroTable));
      zeroTableOwner = undefined;
      map.setTable(index, BigInt(zeroTable));
      return;
    }
    const table = new Uint8Array(clusterSize);
    for (let i = 0; i < l2Entries; i++) viewOf(table).setBigUint64(i * ENTRY_SIZE, ALL_ZEROS);
    zeroTable = space.addWhole(table);
    zeroTableOwner = index;
    map.setTable(index, BigInt(zeroTable) | COPIED);
  }
}
