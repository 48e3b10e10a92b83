import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import {
  BLOCK_SIZE,
  type Block,
  type Disk,
  type Encoding,
  type Format,
  type WriteRequest,
} from '../../formats/index.ts';
import type { TestDisk } from './disks.ts';
import { MemoryImage } from './memory-image.ts';

/** The same for every golden; the uuid is one of version 4. */
export const IDENTITY: Omit<Disk, 'size'> = {
  name: 'golden',
  uuid: Buffer.from('1011121314154617b8191a1b1c1d1e1f', 'hex'),
  createdAt: Date.UTC(2024, 1, 29, 12) / 1000,
};

interface WriteOptions {
  /** Whether the size of the disk is told at the start, or else at the end. */
  readonly sizeKnown?: boolean;
  readonly level?: number;
  readonly identity?: Partial<Disk>;
}

/** Writes a disk with a format alone, without workers, sources and sinks. */
export async function writeImage(
  format: Format,
  disk: TestDisk,
  options: WriteOptions = {},
): Promise<MemoryImage> {
  const { sizeKnown = true, level, identity } = options;
  const image = new MemoryImage();
  const size = sizeKnown ? disk.size : undefined;
  const request = requestOf(format, image, { ...identity, size }, level);
  const writer = await format.write(request);
  for (const block of blocksOf(disk, request.encoding)) writer.add(block);
  writer.finish(disk.size);
  image.checkBuffers();
  return image;
}

/** What a writer is given; of the disk all that differs from the golden one. */
export function requestOf(
  format: Format,
  output: WriteRequest['output'],
  disk: Partial<Disk>,
  level = 6,
): WriteRequest {
  return {
    disk: { ...IDENTITY, size: undefined, ...disk },
    encoding: format.encoding({ level }),
    output,
    hasher(algorithm) {
      if (format.name !== 'ova') throw new Error('only an archive has a place for a hash');
      const hash = createHash(algorithm);
      return { update: (bytes) => hash.update(bytes), digest: () => hash.digest('hex') };
    },
  };
}

/** The blocks of a disk that are not zero, in order; only `encoding` may be asked of them. */
export function* blocksOf({ size, pieces }: TestDisk, encoding?: Encoding): Generator<Block> {
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
    yield blockOf(index, bytes, { length, encoding });
  }
}

/** A block; whatever it holds, it is `packed` if that is given. */
export function blockOf(
  index: number,
  bytes: Uint8Array,
  options: { length?: number; encoding?: Encoding | undefined; packed?: Uint8Array } = {},
): Block {
  const { length = BLOCK_SIZE, encoding, packed } = options;
  return {
    index,
    bytes,
    length,
    compressed(asked) {
      if (packed) return packed;
      if (asked !== encoding) throw new Error('another encoding than the format asked for');
      if (asked.kind !== 'zlib') throw new Error(`nobody here compresses to ${asked.kind}`);
      const { level, windowBits } = asked;
      return deflateSync(bytes, { level, windowBits, memLevel: 8 });
    },
  };
}
