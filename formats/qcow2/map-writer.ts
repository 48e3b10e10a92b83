// Writes the map of an image: each L2 table after the last cluster that it maps, the L1 table in
// front of the data if the size of the disk is known, else last.

import type { ImageOutput } from '../contract.ts';
import { viewOf } from '../struct.ts';
import type { Clusters } from './clusters.ts';
import { unsupported } from './faults.ts';
import { COPIED, ENTRY_SIZE, MAX_L1_SIZE } from './layout.ts';

/** The L1 table and the L2 tables of a growing image. */
export interface MapWriter {
  /** Sets the L2 entry of a cluster of the disk. Clusters ascend. */
  set(cluster: number, entry: bigint): void;
  /** Writes the L2 table that is being filled. */
  endTable(): void;
  /** Sets the L1 entry of an L2 table that the caller has written. */
  setTable(index: number, entry: bigint): void;
  /** Writes what is left. Throws a FormatError if the L1 table would be too large. */
  finish(diskSize: number): { readonly l1Size: number; readonly l1TableOffset: number };
}

/** Arguments of {@link mapWriter}. */
export interface MapWriterRequest {
  readonly output: ImageOutput;
  readonly space: Clusters;
  /** In bytes. */
  readonly clusterSize: number;
  /** In bytes; undefined if it is not known yet. */
  readonly diskSize?: number | undefined;
}

/**
 * Leaves room for the L1 table if the size of the disk is known. All calls throw a FormatError for
 * a part of the disk that is too far.
 */
export function mapWriter({ output, space, clusterSize, diskSize }: MapWriterRequest): MapWriter {
  const l2Entries = clusterSize / ENTRY_SIZE;
  const span = l2Entries * clusterSize; // bytes of the disk that an L2 table maps
  const l1: bigint[] = []; // with holes
  let index = 0;
  let l2 = new Uint8Array(clusterSize);
  let isUsed = false;
  const reservedSize = diskSize === undefined ? 0 : Math.ceil(diskSize / span);
  checkL1(reservedSize);
  const reserved = reservedSize === 0 ? undefined : space.reserve(reservedSize * ENTRY_SIZE);

  return {
    set(cluster, entry) {
      const tableIndex = Math.floor(cluster / l2Entries);
      if (tableIndex !== index) {
        endTable();
        checkL1(tableIndex + 1);
        index = tableIndex;
      }
      viewOf(l2).setBigUint64((cluster % l2Entries) * ENTRY_SIZE, entry);
      isUsed = true;
    },
    endTable,
    setTable(tableIndex, entry) {
      checkL1(tableIndex + 1);
      l1[tableIndex] = entry;
    },
    finish(finalSize) {
      endTable();
      // An overlay may map more than the disk, which can have become smaller.
      const l1Size = Math.max(Math.ceil(finalSize / span), l1.length);
      checkL1(l1Size);
      const table = new Uint8Array(l1Size * ENTRY_SIZE);
      const view = viewOf(table);
      l1.forEach((entry, i) => view.setBigUint64(i * ENTRY_SIZE, entry));
      if (reserved === undefined || l1Size > reservedSize) {
        return { l1Size, l1TableOffset: space.addWhole(table) };
      }
      output.patch(reserved, table);
      return { l1Size, l1TableOffset: reserved };
    },
  };

  function endTable(): void {
    if (!isUsed) return;
    l1[index] = BigInt(space.addWhole(l2)) | COPIED;
    l2 = new Uint8Array(clusterSize);
    isUsed = false;
  }

  function checkL1(l1Size: number): void {
    if (l1Size * ENTRY_SIZE <= MAX_L1_SIZE) return;
    const most = (MAX_L1_SIZE / ENTRY_SIZE) * span;
    throw unsupported(
      `the disk is larger than the ${most} bytes that clusters of ${clusterSize} bytes can map`,
    );
  }
}
