import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';

const BLOCK = 65_536;
const MIB = 2 ** 20;
const L2_SPAN = 512 * MIB;

/** A disk to export, as the pieces of it that are not zero. */
export interface TestDisk {
  readonly name: string;
  readonly size: number;
  readonly pieces: readonly { readonly offset: number; readonly bytes: Buffer }[];
}

/** Bytes that look random and are the same each time (xorshift32). */
export function noise(length: number, seed = 1): Buffer<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = seed;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return Buffer.from(words.buffer, 0, length);
}

/** Bytes that compress about as well as text does. */
export function text(length: number, seed = 1): Buffer<ArrayBuffer> {
  return Buffer.from(noise(length, seed).map((byte) => 97 + (byte % 7) * (byte >> 6)));
}

/** A disk with text in the blocks of these indexes, another in each. */
export function diskWithBlocks(size: number, indexes: Iterable<number>, name = ''): TestDisk {
  if (size % 512 !== 0) throw new Error(`${size} is not in whole sectors`);
  const pieces = Array.from(indexes, (index) => {
    const offset = index * BLOCK;
    const bytes = Buffer.alloc(Math.min(BLOCK, size - offset), `block ${index} of a disk\n`);
    return { offset, bytes };
  });
  return { name, size, pieces };
}

/** Gives a disk an MBR with one partition, so that there is no warning, and returns it. */
export function withPartition(disk: Buffer): Buffer {
  const entry = disk.subarray(446, 510).fill(0);
  entry.writeUInt8(0x83, 4); // Linux
  entry.writeUInt32LE(8, 8); // first sector
  entry.writeUInt32LE(1000, 12); // sectors
  disk.writeUInt16LE(0xaa55, 510);
  return disk;
}

function every(step: number, size: number, piece: (i: number) => Buffer): TestDisk['pieces'] {
  const count = Math.ceil(size / step);
  return Array.from({ length: count }, (_, i) => ({
    offset: i * step,
    bytes: piece(i).subarray(0, Math.min(step, size - i * step)),
  }));
}

/** Disks that are hard for writers: ends within a block or table, first and last entries. */
export const DISKS: readonly TestDisk[] = [
  { name: 'one sector', size: 512, pieces: [{ offset: 0, bytes: text(512) }] },
  { name: 'one sector of zeros', size: 512, pieces: [] },
  {
    name: '1 MiB and a sector',
    size: MIB + 512,
    pieces: every(BLOCK, MIB + 512, (i) => text(BLOCK, i + 1)),
  },
  { name: '16 MiB of zeros', size: 16 * MIB, pieces: [] },
  { name: '8 MiB of noise', size: 8 * MIB, pieces: every(MIB, 8 * MIB, (i) => noise(MIB, i + 1)) },
  {
    name: '33 MiB, every other block text or noise',
    size: 33 * MIB,
    pieces: every(2 * BLOCK, 33 * MIB, (i) => (i % 3 ? text : noise)(BLOCK, i + 1)),
  },
  {
    name: '8 MiB, text and noise in turns',
    size: 8 * MIB,
    pieces: every(BLOCK, 8 * MIB, (i) => (i % 2 ? text : noise)(BLOCK, i + 1)),
  },
  {
    name: '512 MiB and 2 blocks, first and last block of each L2 table',
    size: L2_SPAN + 2 * BLOCK,
    pieces: [0, L2_SPAN - BLOCK, L2_SPAN, L2_SPAN + BLOCK].map((offset, i) => ({
      offset,
      bytes: text(BLOCK, i + 1),
    })),
  },
  {
    name: '512 MiB and 3 sectors, only the last one used',
    size: L2_SPAN + 3 * 512,
    pieces: [{ offset: L2_SPAN + 1024, bytes: text(512) }],
  },
  {
    name: '1 MiB, data in its middle sectors alone',
    size: MIB,
    pieces: [
      { offset: 300 * 512, bytes: text(512) },
      { offset: 700 * 512, bytes: noise(512) },
    ],
  },
];

/** Writes the disk as a sparse file. */
export function writeDisk(path: string, { size, pieces }: Omit<TestDisk, 'name'>): void {
  const fd = openSync(path, 'w');
  ftruncateSync(fd, size);
  for (const { offset, bytes } of pieces) writeSync(fd, bytes, 0, bytes.length, offset);
  closeSync(fd);
}
