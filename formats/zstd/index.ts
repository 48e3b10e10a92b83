// A raw disk in zstd frames, written front to back: a frame for each block, ready-made frames for
// zeros. Decoders read frames that follow each other as one file (RFC 8878, section 3.1).

import {
  BLOCK_SIZE,
  type Format,
  type FormatWriter,
  SECTOR_SIZE,
  type WriteRequest,
} from '../contract.ts';
import { rawFrameHead, zeroFrames } from './encode-frames.ts';
import { DEFAULT_ZSTD_LEVEL } from './layout.ts';

/** A raw disk in a zstd file. */
export function rawZst(): Format {
  return {
    name: 'raw.zst',
    title: 'the disk itself, compressed with zstd (dd, bmaptool)',
    extension: 'raw.zst',
    streaming: 'always',
    maxDiskSize: Number.MAX_SAFE_INTEGER,
    sizeMultiple: SECTOR_SIZE,
    encoding: ({ zstdLevel = DEFAULT_ZSTD_LEVEL }) => ({ kind: 'zstd', level: zstdLevel }),
    write: (request) => Promise.resolve(writerOf(request)),
    matches: () => false, // the name says it
    packed: 'zst',
  };
}

function writerOf({ output, encoding }: WriteRequest): FormatWriter {
  if (encoding?.kind !== 'zstd') throw new Error('raw.zst is compressed with zstd alone');
  let diskEnd = 0;
  return {
    add(block) {
      const { index, bytes, length } = block;
      addZeros(index * BLOCK_SIZE);
      if (length === BLOCK_SIZE) {
        output.append(block.compressed(encoding));
      } else {
        // Compressed, it would have the zeros that pad it.
        output.append(rawFrameHead(length));
        output.append(bytes.subarray(0, length));
      }
      diskEnd += length;
    },
    finish: (diskSize) => addZeros(diskSize),
  };

  function addZeros(end: number): void {
    const count = end - diskEnd;
    if (count < 0) throw new RangeError(`blocks do not ascend: ${count} zeros at ${diskEnd}`);
    if (count === 0) return;
    const { length, pieces } = zeroFrames(count);
    output.appendPieces(length, pieces());
    diskEnd = end;
  }
}
