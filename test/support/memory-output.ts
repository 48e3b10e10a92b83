import {
  BLOCK_SIZE,
  type Block,
  type Disk,
  type Format,
  type ImageOutput,
} from '../../formats/index.ts';
import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import type { TestDisk } from './disks.ts';

/** The same for every golden. */
export const IDENTITY: Omit<Disk, 'size'> = {
  name: 'golden',
  uuid: Uint8Array.from({ length: 16 }, (_, i) => 0x10 + i),
  createdAt: Date.UTC(2026, 0, 2, 3, 4, 5) / 1000,
};

export interface MemoryImage {
  readonly bytes: Buffer;
  /** How often the writer went back. */
  readonly patches: number;
}

/** Writes a disk with a format alone, without workers, sources and sinks. */
export function writeImage(
  format: Format,
  disk: TestDisk,
  { sizeKnown = true, level = 6 } = {},
): MemoryImage {
  const output = memoryOutput();
  const encoding = format.encoding({ level });
  const writer = format.write({
    disk: { ...IDENTITY, size: sizeKnown ? disk.size : undefined },
    encoding,
    output,
    hasher: (algorithm) => {
      const hash = createHash(algorithm);
      return { update: (bytes) => hash.update(bytes), digest: () => hash.digest('hex') };
    },
  });
  for (const block of blocksOf(disk)) writer.add(block);
  writer.finish(disk.size);
  return output.image();
}

function memoryOutput(): ImageOutput & { image(): MemoryImage } {
  let bytes = Buffer.alloc(0);
  let position = 0;
  let patches = 0;
  const reserve = (end: number) => {
    if (end <= bytes.length) return;
    const larger = Buffer.alloc(Math.max(end, 2 * bytes.length));
    bytes.copy(larger);
    bytes = larger;
  };
  return {
    get position() {
      return position;
    },
    append(piece) {
      reserve(position + piece.length);
      bytes.set(piece, position);
      position += piece.length;
    },
    zeros(count) {
      if (count < 0) throw new RangeError('blocks do not ascend');
      position += count;
      reserve(position);
    },
    patch(imageOffset, piece) {
      if (imageOffset + piece.length > position) throw new RangeError('a patch past the end');
      bytes.set(piece, imageOffset);
      patches++;
    },
    image: () => ({ bytes: bytes.subarray(0, position), patches }),
  };
}

/** The blocks of a disk that are not zero, in order. */
export function* blocksOf({ size, pieces }: TestDisk): Generator<Block> {
  const blocks = new Map<number, Buffer>();
  for (const { offset, bytes } of pieces) {
    for (let done = 0; done < bytes.length;) {
      const index = Math.floor((offset + done) / BLOCK_SIZE);
      const block = blocks.get(index) ?? Buffer.alloc(BLOCK_SIZE);
      blocks.set(index, block);
      done += bytes.copy(block, (offset + done) % BLOCK_SIZE, done);
    }
  }
  for (const [index, bytes] of [...blocks].sort(([a], [b]) => a - b)) {
    const length = Math.min(BLOCK_SIZE, size - index * BLOCK_SIZE);
    yield {
      index,
      bytes,
      length,
      packed: ({ level, windowBits }) => deflateSync(bytes, { level, windowBits, memLevel: 8 }),
    };
  }
}
