import { constants, deflateSync } from 'node:zlib';
import {
  BLOCK_SIZE,
  type Block,
  type Disk,
  type Encoding,
  type Format,
  JOINABLE_END,
  type WriteRequest,
  type ZlibEncoding,
} from '../../formats/index.ts';
import { rawFrameHead } from '../../formats/zstd/encode-frames.ts';
import { ownHash } from '../../src/hash/long-hash.ts';
import { crc32 } from '../../src/runtime/crc32.ts';
import type { TestDisk } from './disks.ts';
import { hasher } from './hasher.ts';
import { MemoryImage } from './memory-image.ts';

/** The same for every golden; the uuid is one of version 4. */
export const IDENTITY: Omit<Disk, 'size'> = {
  name: 'golden',
  uuid: Buffer.from('1011121314154617b8191a1b1c1d1e1f', 'hex'),
  createdAt: Date.UTC(2024, 1, 29, 12) / 1000,
};

interface WriteOptions {
  /** Whether the size of the disk is known at the start, or else only at the end. */
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
  await writer.seal?.(image.asInput());
  image.checkBuffers();
  return image;
}

/** The formats that hold hashes. */
const HASHED = ['ova', 'vma', 'containerdisk'];

/** The request to a writer. `disk` has the values that differ from the golden one. */
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
      if (!HASHED.includes(format.name)) throw new Error('the format has no place for a hash');
      return hasher(algorithm);
    },
    longHasher: (algorithm) => ownHash(hasher(algorithm)),
    crc32,
  };
}

/**
 * The blocks of a disk that are not zero, in order. They can be compressed in that encoding only.
 */
export function* blocksOf(disk: TestDisk, encoding?: Encoding): Generator<Block> {
  for (const [index, bytes] of bytesByIndex(disk)) {
    const length = Math.min(BLOCK_SIZE, disk.size - index * BLOCK_SIZE);
    yield blockOf(index, bytes, { length, encoding });
  }
}

// Tests write the same disks in every format, some several times: their blocks are made once, and
// compressed once for each encoding.
const known = new WeakMap<TestDisk, readonly (readonly [index: number, bytes: Buffer])[]>();
const streams = new WeakMap<Uint8Array, Map<string, Buffer>>();

function bytesByIndex(disk: TestDisk): readonly (readonly [index: number, bytes: Buffer])[] {
  const found = known.get(disk) ?? splitIntoBlocks(disk);
  known.set(disk, found);
  return found;
}

function splitIntoBlocks({ pieces }: TestDisk): [index: number, bytes: Buffer][] {
  const blocks = new Map<number, Buffer>();
  for (const { offset, bytes } of pieces) {
    for (let done = 0; done < bytes.length;) {
      const index = Math.floor((offset + done) / BLOCK_SIZE);
      const block = blocks.get(index) ?? Buffer.alloc(BLOCK_SIZE);
      blocks.set(index, block);
      done += bytes.copy(block, (offset + done) % BLOCK_SIZE, done);
    }
  }
  return [...blocks].sort(([a], [b]) => a - b);
}

/** A block. If `packed` is given, that is its compressed form, whatever it holds. */
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
      if (asked.kind === 'zlib') return deflateOnce(bytes, asked);
      return Buffer.concat([rawFrameHead(bytes.length), bytes]); // not every Node has zstd
    },
  };
}

function deflateOnce(bytes: Uint8Array, encoding: ZlibEncoding): Buffer {
  const { level, windowBits, isJoinable = false } = encoding;
  const ofBlock = streams.get(bytes) ?? new Map<string, Buffer>();
  streams.set(bytes, ofBlock);
  const key = `${windowBits} ${level} ${String(isJoinable)}`;
  const options = { level, windowBits, memLevel: 8 };
  const stream = ofBlock.get(key) ?? (isJoinable ? joinable : deflateSync)(bytes, options);
  ofBlock.set(key, stream);
  return stream;
}

function joinable(bytes: Uint8Array, options: object): Buffer {
  const whole = deflateSync(bytes, options);
  const flushed = deflateSync(bytes, { ...options, finishFlush: constants.Z_SYNC_FLUSH });
  return Buffer.concat([flushed, Buffer.from(JOINABLE_END), whole.subarray(-4)]);
}
