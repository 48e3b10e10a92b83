// Writes a fixed VHDX, front to back if the size of the disk is known:
//   front                     else left empty, and patched in at the end
//   block allocation table    else after the disk
//   the disk                  in whole blocks

import { BLOCK_SIZE, type FormatWriter, type ImageOutput, type WriteRequest } from '../contract.ts';
import { blockCountOf, tableLength, tablePieces, tableSpace } from './encode-block-table.ts';
import { encodeFront } from './encode-front.ts';
import { FRONT_SIZE, VHDX_BLOCK_SIZE } from './layout.ts';

export function fixedWriter({ disk, output }: WriteRequest): FormatWriter {
  const { uuid, size } = disk;
  if (size === undefined) {
    output.zeros(FRONT_SIZE);
  } else {
    for (const [offset, bytes] of frontOf(size, FRONT_SIZE)) {
      output.zeros(offset - output.position);
      output.append(bytes);
    }
    output.zeros(FRONT_SIZE - output.position);
    appendTable(output, size, FRONT_SIZE + tableSpace(size));
  }
  const dataOffset = output.position;

  return {
    add(block) {
      output.zeros(dataOffset + block.index * BLOCK_SIZE - output.position);
      output.append(block.bytes);
    },
    finish(diskSize) {
      const dataEnd = dataOffset + blockCountOf(diskSize) * VHDX_BLOCK_SIZE;
      output.zeros(dataEnd - output.position);
      if (size !== undefined) return;
      appendTable(output, diskSize, dataOffset);
      for (const [offset, bytes] of frontOf(diskSize, dataEnd)) output.patch(offset, bytes);
    },
  };

  function frontOf(diskSize: number, tableOffset: number) {
    return encodeFront({ uuid, diskSize, isFixed: true, tableOffset });
  }
}

/** Appends the table of a disk whose blocks follow each other from an image offset on. */
function appendTable(output: ImageOutput, diskSize: number, dataOffset: number): void {
  const length = tableLength(diskSize);
  output.appendPieces(
    length,
    tablePieces(blockCountOf(diskSize), (block) => dataOffset + block * VHDX_BLOCK_SIZE),
  );
  output.zeros(tableSpace(diskSize) - length);
}
