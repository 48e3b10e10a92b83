// Writes a qcow2 image that holds what differs from a backing file, front to back like `writer.ts`. Its clusters are as large
// as the blocks in which the disk changed, so that it holds nothing else; what is zeros now is marked as such.

import { FormatError } from '../errors.ts';
import type { ImageOutput } from '../contract.ts';
import { viewOf } from '../struct.ts';
import { clusters } from './clusters.ts';
import { compressedDescriptor, deflateOf } from './compressed.ts';
import { type Backing, encodeHeader } from './encode-header.ts';
import { ALL_ZEROS, COPIED, ENTRY_SIZE, MAX_L1_SIZE } from './layout.ts';

/** What an overlay is written with. */
export interface OverlayRequest {
  readonly output: ImageOutput;
  /** In bytes, a power of two from 512 to 65,536. */
  readonly clusterSize: number;
  readonly backing: Backing;
  /** Of the ZFS snapshot whose disk the image and what is below it are. */
  readonly snapshotGuid: bigint;
}

/**
 * A synchronous state machine; clusters and zeros ascend. Buffers belong to the output until it has been flushed. Throws a
 * FormatError for a disk that is too large for its clusters.
 */
export interface OverlayWriter {
  /** Adds a cluster, given as it is and as a zlib stream (RFC 1950). */
  add(diskOffset: number, bytes: Uint8Array, packed: Uint8Array): void;
  /** Marks whole clusters as zeros. */
  addZeros(diskOffset: number, length: number): void;
  finish(diskSize: number): void;
}

export function overlayWriter(request: OverlayRequest): OverlayWriter {
  const { output, clusterSize, backing, snapshotGuid } = request;
  const clusterBits = Math.log2(clusterSize);
  const entries = clusterSize / ENTRY_SIZE;
  const span = entries * clusterSize; // bytes of the disk that one L2 table maps
  const space = clusters(output, clusterSize);
  /** L1 entries; what is missing is none. */
  const l1: bigint[] = [];
  let l1Index = 0;
  let l2 = new Uint8Array(clusterSize);
  let l2Used = false;
  /** A table of zeros alone, which L1 entries share as those of a snapshot would. */
  let zeroTable: number | undefined;
  /** The L1 entry that had it to itself so far. */
  let zeroTableOwner: number | undefined;

  return {
    add(diskOffset, bytes, packed) {
      const data = deflateOf(packed);
      const entry =
        data.length < clusterSize
          ? compressedDescriptor(space.addPacked(data), data.length, clusterBits)
          : BigInt(space.addWhole(bytes)) | COPIED;
      setEntry(diskOffset, entry);
    },
    addZeros(diskOffset, length) {
      const end = diskOffset + length;
      for (let at = diskOffset; at < end;) {
        if (at % span === 0 && end - at >= span) {
          addZeroTable(at / span);
          at += span;
        } else {
          setEntry(at, ALL_ZEROS);
          at += clusterSize;
        }
      }
    },
    finish(diskSize) {
      writeL2();
      // What was freed may lie past an end that the disk has only now; a table may be longer than the disk needs.
      const l1Size = Math.max(Math.ceil(diskSize / span), l1.length);
      checkL1(l1Size, diskSize);
      const table = new Uint8Array(l1Size * ENTRY_SIZE);
      l1.forEach((entry, i) => viewOf(table).setBigUint64(i * ENTRY_SIZE, entry));
      const l1TableOffset = space.addWhole(table);
      const tables = space.finish();
      const facts = { diskSize, clusterBits, l1Size, l1TableOffset, ...tables, backing };
      output.patch(0, encodeHeader({ ...facts, snapshotGuid, withFeatureNames: false }));
    },
  };

  function checkL1(l1Size: number, end: number): void {
    if (l1Size * ENTRY_SIZE <= MAX_L1_SIZE) return;
    const most = (MAX_L1_SIZE / ENTRY_SIZE) * span;
    throw new FormatError(
      'unsupported',
      `qcow2: clusters of ${clusterSize} bytes are for disks of up to ${most} bytes, not ${end}`,
    );
  }

  function setEntry(diskOffset: number, entry: bigint): void {
    const index = Math.floor(diskOffset / span);
    if (index !== l1Index) {
      writeL2();
      checkL1(index + 1, diskOffset);
      l1Index = index;
    }
    const at = ((diskOffset / clusterSize) % entries) * ENTRY_SIZE;
    viewOf(l2).setBigUint64(at, entry);
    l2Used = true;
  }

  function writeL2(): void {
    if (!l2Used) return;
    l1[l1Index] = BigInt(space.addWhole(l2)) | COPIED;
    l2 = new Uint8Array(clusterSize);
    l2Used = false;
  }

  function addZeroTable(index: number): void {
    writeL2();
    checkL1(index + 1, index * span);
    if (zeroTable !== undefined && space.share(zeroTable)) {
      if (zeroTableOwner !== undefined) l1[zeroTableOwner] = BigInt(zeroTable);
      zeroTableOwner = undefined;
      l1[index] = BigInt(zeroTable);
      return;
    }
    const table = new Uint8Array(clusterSize);
    for (let i = 0; i < entries; i++) viewOf(table).setBigUint64(i * ENTRY_SIZE, ALL_ZEROS);
    zeroTable = space.addWhole(table);
    zeroTableOwner = index;
    l1[index] = BigInt(zeroTable) | COPIED;
  }
}
