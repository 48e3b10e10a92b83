// A differencing VHDX as Hyper-V makes it: ours with a parent, by [MS-VHDX] and without our own
// layouts.

import { vhdx } from '../../formats/index.ts';
import { diskWithBlocks } from './disks.ts';
import { writeImage } from './write-image.ts';

const MIB = 2 ** 20;
const METADATA = 2 * MIB;
const TABLE = 3 * MIB;
const ITEMS = METADATA + 65_536;
const LOCATOR = 4096; // from the items on
const CHUNK = 4096; // blocks of 1 MiB that share a sector bitmap
const TYPE_VHDX = 'b7ef4ab09ed1814ab78925b8e9445913';
const PARENT_LOCATOR = '2d5fd3a80bb34d45abf7d3d84834ab0c'; // an item's GUID as it is stored

/**
 * A disk of 8 MiB: every other sector of block 0, block 2, and block 3 as zeros. The other blocks
 * and sectors are the parent's.
 */
export async function differencingVhdx(values: Readonly<Record<string, string>>): Promise<Buffer> {
  const whole = (await writeImage(vhdx(), diskWithBlocks(8 * MIB, [0, 32]))).bytes;
  const bitmapOffset = whole.length;
  const image = Buffer.concat([whole, Buffer.alloc(MIB)]);
  image.writeUInt32LE(2, ITEMS + 4); // has a parent
  addLocator(image, values);

  image.fill(0xaa, bitmapOffset, bitmapOffset + MIB / 512 / 8); // sectors 1, 3, ... of block 0
  const state = (block: number, entry: bigint) => image.writeBigUInt64LE(entry, TABLE + 8 * block);
  state(0, image.readBigUInt64LE(TABLE) | 7n); // there in part
  for (const block of [1, 4, 5, 6, 7]) state(block, 0n);
  state(CHUNK, BigInt(bitmapOffset) | 6n);
  return image;
}

function addLocator(image: Buffer, values: Readonly<Record<string, string>>): void {
  const locator = encodeLocator(values);
  locator.copy(image, ITEMS + LOCATOR);
  image.writeUInt16LE(6, METADATA + 10);
  const entry = METADATA + 32 + 5 * 32;
  image.write(PARENT_LOCATOR, entry, 'hex');
  image.writeUInt32LE(65_536 + LOCATOR, entry + 16);
  image.writeUInt32LE(locator.length, entry + 20);
  image.writeUInt32LE(4, entry + 24); // is required
}

/** Keys and values in UTF-16, after an entry for each pair. */
function encodeLocator(values: Readonly<Record<string, string>>): Buffer {
  const pairs = Object.entries(values).map((pair) =>
    pair.map((text) => Buffer.from(text, 'utf16le')),
  );
  const head = Buffer.alloc(20 + 12 * pairs.length);
  head.write(TYPE_VHDX, 'hex');
  head.writeUInt16LE(pairs.length, 18);
  let offset = head.length;
  pairs.forEach((pair, i) => {
    pair.forEach(({ length }, j) => {
      head.writeUInt32LE(offset, 20 + 12 * i + 4 * j);
      head.writeUInt16LE(length, 20 + 12 * i + 8 + 2 * j);
      offset += length;
    });
  });
  return Buffer.concat([head, ...pairs.flat()]);
}
