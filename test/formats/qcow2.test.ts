import { describe, expect, test } from 'vitest';
import { BLOCK_SIZE, qcow2 } from '../../formats/index.ts';
import { header } from '../../formats/qcow2/layout.ts';
import { noise, text, type TestDisk } from '../support/disks.ts';
import { writeImage } from '../support/write-image.ts';

const MIB = 2 ** 20;

function diskOf(size: number, ...pieces: TestDisk['pieces']): TestDisk {
  return { name: '', size, pieces };
}

function hex(bytes: Uint8Array): string[] {
  return (
    Buffer.from(bytes)
      .toString('hex')
      .match(/.{1,32}/g) ?? []
  );
}

describe('a qcow2', () => {
  test('has the header of a version 3 image, and its extensions', async () => {
    const { bytes } = await writeImage(qcow2(), diskOf(3 * 512, { offset: 0, bytes: text(512) }));
    expect(hex(bytes.subarray(0, 128))).toEqual([
      '514649fb000000030000000000000000', // magic, version, no backing file
      '00000000000000100000000000000600', // cluster bits, size
      '00000000000000010000000000010000', // no encryption, L1 entries, L1 offset
      '00000000000400000000000100000000', // refcount table and its clusters, no snapshots
      '00000000000000000000000000000000',
      '00000000000000000000000000000000', // no features
      '00000004000000686803f85700000180', // refcount order, header length; feature name table
      '00006469727479206269740000000000', // incompatible, bit 0, "dirty bit"
    ]);
  });

  test('has an L2 entry for each block of data, none for zeros', async () => {
    const disk = diskOf(
      4 * BLOCK_SIZE,
      { offset: BLOCK_SIZE, bytes: text(BLOCK_SIZE) },
      { offset: 3 * BLOCK_SIZE, bytes: noise(BLOCK_SIZE) },
    );
    const { bytes } = await writeImage(qcow2(), disk);
    const { l1TableOffset } = header.decode(bytes);
    const l1 = bytes.readBigUInt64BE(Number(l1TableOffset));
    expect(l1 >> 63n).toBe(1n); // COPIED
    const l2 = bytes.subarray(Number(l1 & ~(1n << 63n)));
    const entries = [0, 1, 2, 3].map((i) => l2.readBigUInt64BE(8 * i));
    expect(entries[0]).toBe(0n);
    expect((entries[1] ?? 0n) >> 62n).toBe(1n); // compressed
    expect(entries[2]).toBe(0n);
    expect(entries[3]).toBe((1n << 63n) | 0x30000n); // plain, in a cluster of its own
  });

  test('has its L1 table behind the header if the size of the disk is known, else last', async () => {
    const disk = diskOf(3 * BLOCK_SIZE, { offset: 0, bytes: noise(3 * BLOCK_SIZE) });
    const offsets = [true, false].map(async (sizeKnown) => {
      const { bytes } = await writeImage(qcow2(), disk, { sizeKnown });
      return Number(header.decode(bytes).l1TableOffset) / BLOCK_SIZE;
    });
    expect(await Promise.all(offsets)).toEqual([1, 5]);
  });

  test('of an empty disk is four clusters: header, L1 table, refcount table, refcount block', async () => {
    expect((await writeImage(qcow2(), diskOf(16 * MIB))).bytes.length).toBe(4 * BLOCK_SIZE);
  });

  test('packs compressed blocks byte by byte, across cluster borders', async () => {
    const pieces = Array.from({ length: 64 }, (_, i) => ({
      offset: i * BLOCK_SIZE,
      bytes: text(BLOCK_SIZE, i + 1),
    }));
    let packed = 0;
    for (const { bytes } of pieces) {
      const one = diskOf(BLOCK_SIZE, { offset: 0, bytes });
      packed += dataLength((await writeImage(qcow2(), one)).bytes);
    }
    const image = (await writeImage(qcow2(), diskOf(64 * BLOCK_SIZE, ...pieces))).bytes;
    const clusters = 1 + Math.ceil(packed / BLOCK_SIZE) + 4; // header, data, L2, L1, refcounts
    expect(image.length).toBe(clusters * BLOCK_SIZE);
  });

  /** Length of the compressed data of an image with a single block. */
  function dataLength(image: Buffer): number {
    const cluster = image.subarray(2 * BLOCK_SIZE, 3 * BLOCK_SIZE);
    let end = cluster.length;
    while (cluster[end - 1] === 0) end--;
    return end;
  }

  test('goes on filling a cluster that a plain block has overtaken', async () => {
    const pieces = Array.from({ length: 4 }, (_, i) => ({
      offset: i * BLOCK_SIZE,
      bytes: i % 2 === 0 ? Buffer.alloc(BLOCK_SIZE, 'tiny') : noise(BLOCK_SIZE, i),
    }));
    const { bytes } = await writeImage(qcow2(), diskOf(4 * BLOCK_SIZE, ...pieces));
    expect(bytes.length).toBe((1 + 1 + 2 + 4) * BLOCK_SIZE); // header, packed, plain, tables
  });

  test('is recognised by its magic', async () => {
    expect(qcow2().matches((await writeImage(qcow2(), diskOf(512))).bytes)).toBe(true);
    expect(qcow2().matches(new Uint8Array(512))).toBe(false);
    expect(qcow2().matches(new Uint8Array(0))).toBe(false);
  });
});
