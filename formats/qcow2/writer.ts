// Writes a qcow2 image, version 3, front to back:
//   header cluster   left empty, patched in at the end
//   data             compressed blocks packed together; blocks that do not shrink in clusters of their own
//   L2 tables        each after the last block that it maps (512 MiB of disk); refcount blocks likewise
//   L1 table, refcount table
// Blocks that are never added stay unallocated, which reads as zeros.

import {
  BLOCK_SIZE,
  type Block,
  type Encoding,
  type FormatWriter,
  type ImageOutput,
} from '../contract.ts';
import { viewOf } from '../struct.ts';
import { clusters } from './clusters.ts';
import { compressedDescriptor, deflateOf } from './compressed.ts';
import { encodeHeader } from './encode-header.ts';
import { CLUSTER_BITS, CLUSTER_SIZE, COPIED, ENTRY_SIZE, L2_ENTRIES, L2_SPAN } from './layout.ts';

export function qcow2Writer(
  output: ImageOutput,
  encoding: Encoding,
  snapshotGuid?: bigint,
): FormatWriter {
  const space = clusters(output);
  const l2Offsets: number[] = []; // by L1 index, with holes
  let l1Index = 0;
  let l2 = new Uint8Array(CLUSTER_SIZE);
  let l2Used = false;

  return {
    add(block) {
      const index = Math.floor(block.index / L2_ENTRIES);
      if (index !== l1Index) {
        writeL2();
        l1Index = index;
      }
      const at = (block.index % L2_ENTRIES) * ENTRY_SIZE;
      viewOf(l2).setBigUint64(at, addData(block));
      l2Used = true;
    },
    finish(diskSize) {
      writeL2();
      const l1 = encodeL1(l2Offsets, diskSize);
      const l1TableOffset = space.addWhole(l1);
      const tables = space.finish();
      output.patch(
        0,
        encodeHeader({
          diskSize,
          compression: encoding.kind,
          l1Size: l1.length / ENTRY_SIZE,
          l1TableOffset,
          ...tables,
          snapshotGuid,
          withFeatureNames: true,
        }),
      );
    },
  };

  /** Returns the L2 entry of the block. */
  function addData(block: Block): bigint {
    const packed = block.compressed(encoding);
    const data = encoding.kind === 'zlib' ? deflateOf(packed) : packed;
    if (data.length >= BLOCK_SIZE) return BigInt(space.addWhole(block.bytes)) | COPIED;
    return compressedDescriptor(space.addPacked(data), data.length, CLUSTER_BITS);
  }

  function writeL2(): void {
    if (!l2Used) return;
    l2Offsets[l1Index] = space.addWhole(l2);
    l2 = new Uint8Array(CLUSTER_SIZE);
    l2Used = false;
  }
}

function encodeL1(l2Offsets: readonly number[], diskSize: number): Uint8Array {
  const l1 = new Uint8Array(Math.ceil(diskSize / L2_SPAN) * ENTRY_SIZE);
  const view = viewOf(l1);
  l2Offsets.forEach((offset, i) => view.setBigUint64(i * ENTRY_SIZE, BigInt(offset) | COPIED));
  return l1;
}
