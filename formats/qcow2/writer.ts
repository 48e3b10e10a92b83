// Writes a qcow2 image, version 3, front to back:
//   header cluster   left empty, patched in at the end
//   L1 table         the same, if the size of the disk is known: as QEMU has it
//   data             compressed blocks side by side; blocks that do not shrink in whole clusters
//   L2 tables        each after the last block that it maps (512 MiB of disk), and refcount blocks
//   L1 table if the size was not known, refcount table
// Blocks that are never added stay unallocated, which reads as zeros.

import {
  BLOCK_SIZE,
  type Block,
  type Disk,
  type Encoding,
  type FormatWriter,
  type ImageOutput,
} from '../contract.ts';
import { clusters } from './clusters.ts';
import { encodeHeader } from './encode-header.ts';
import { deflateOf, encodeCompressed } from './encode-l2-entry.ts';
import { CLUSTER_BITS, CLUSTER_SIZE, COPIED } from './layout.ts';
import { mapWriter } from './map-writer.ts';

/**
 * Writes into `output`, which must be empty. The guid of the disk's snapshot is recorded in the
 * header.
 */
export function qcow2Writer(
  output: ImageOutput,
  encoding: Encoding,
  { size, snapshotGuid }: Pick<Disk, 'size' | 'snapshotGuid'>,
): FormatWriter {
  const space = clusters(output, CLUSTER_SIZE);
  const map = mapWriter({ output, space, clusterSize: CLUSTER_SIZE, diskSize: size });

  return {
    add(block) {
      map.set(block.index, addData(block));
    },
    finish(diskSize) {
      const l1 = map.finish(diskSize);
      const refcounts = space.finish();
      const compression = encoding.kind;
      const facts = { diskSize, compression, ...l1, ...refcounts, snapshotGuid };
      output.patch(0, encodeHeader({ ...facts, withFeatureNames: true }));
    },
  };

  /** Adds a block and returns its L2 entry. */
  function addData(block: Block): bigint {
    const compressed = block.compressed(encoding);
    const data = encoding.kind === 'zlib' ? deflateOf(compressed) : compressed;
    if (data.length >= BLOCK_SIZE) return BigInt(space.addWhole(block.bytes)) | COPIED;
    return encodeCompressed(space.addCompressed(data), data.length, CLUSTER_BITS);
  }
}
