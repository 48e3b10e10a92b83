import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BLOCK_SIZE, type ImageOutput, qcow2 } from '../../formats/index.ts';
import { header } from '../../formats/qcow2/layout.ts';
import { noise, text, type TestDisk } from '../support/disks.ts';
import { temporaryFolder } from '../support/folder.ts';
import { IDENTITY, writeImage } from '../support/memory-output.ts';
import { checkQcow2, describeWith, run } from '../support/peers.ts';

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

describe('qcow2', () => {
  test('has the header of a version 3 image, and its extensions', () => {
    const { bytes } = writeImage(qcow2(), diskOf(3 * 512, { offset: 0, bytes: text(512) }));
    expect(hex(bytes.subarray(0, 128))).toEqual([
      '514649fb000000030000000000000000', // magic, version, no backing file
      '00000000000000100000000000000600', // cluster bits, size
      '00000000000000010000000000030000', // no encryption, L1 entries, L1 offset
      '00000000000400000000000100000000', // refcount table and its clusters, no snapshots
      '00000000000000000000000000000000',
      '00000000000000000000000000000000', // no features
      '00000004000000686803f85700000180', // refcount order, header length; feature name table
      '00006469727479206269740000000000', // incompatible, bit 0, "dirty bit"
    ]);
  });

  test('has an L2 entry for each block of data, none for zeros', () => {
    const disk = diskOf(
      4 * BLOCK_SIZE,
      { offset: BLOCK_SIZE, bytes: text(BLOCK_SIZE) },
      { offset: 3 * BLOCK_SIZE, bytes: noise(BLOCK_SIZE) },
    );
    const { bytes } = writeImage(qcow2(), disk);
    const { l1TableOffset } = header.decode(bytes);
    const l1 = bytes.readBigUInt64BE(Number(l1TableOffset));
    expect(l1 >> 63n).toBe(1n); // COPIED
    const l2 = bytes.subarray(Number(l1 & ~(1n << 63n)));
    const entries = [0, 1, 2, 3].map((i) => l2.readBigUInt64BE(8 * i));
    expect(entries[0]).toBe(0n);
    expect((entries[1] ?? 0n) >> 62n).toBe(1n); // compressed
    expect(entries[2]).toBe(0n);
    expect(entries[3]).toBe((1n << 63n) | 0x20000n); // plain, in a cluster of its own
  });

  test('an empty disk is four clusters: header, L1 table, refcount table, refcount block', () => {
    expect(writeImage(qcow2(), diskOf(16 * MIB)).bytes.length).toBe(4 * BLOCK_SIZE);
  });

  test('packs compressed blocks byte by byte, across cluster borders', () => {
    const pieces = Array.from({ length: 64 }, (_, i) => ({
      offset: i * BLOCK_SIZE,
      bytes: text(BLOCK_SIZE, i + 1),
    }));
    const packed = pieces.reduce((sum, { bytes }) => {
      const one = diskOf(BLOCK_SIZE, { offset: 0, bytes });
      const { bytes: image } = writeImage(qcow2(), one);
      return sum + dataLength(image);
    }, 0);
    const image = writeImage(qcow2(), diskOf(64 * BLOCK_SIZE, ...pieces)).bytes;
    const clusters = 1 + Math.ceil(packed / BLOCK_SIZE) + 4; // header, data, L2, L1, refcounts
    expect(image.length).toBe(clusters * BLOCK_SIZE);
  });

  /** Length of the compressed data of an image with a single block. */
  function dataLength(image: Buffer): number {
    const cluster = image.subarray(BLOCK_SIZE, 2 * BLOCK_SIZE);
    let end = cluster.length;
    while (cluster[end - 1] === 0) end--;
    return end;
  }

  test('goes on filling a cluster that a plain block has overtaken', () => {
    const pieces = Array.from({ length: 4 }, (_, i) => ({
      offset: i * BLOCK_SIZE,
      bytes: i % 2 === 0 ? Buffer.alloc(BLOCK_SIZE, 'tiny') : noise(BLOCK_SIZE, i),
    }));
    const { bytes } = writeImage(qcow2(), diskOf(4 * BLOCK_SIZE, ...pieces));
    expect(bytes.length).toBe((1 + 1 + 2 + 4) * BLOCK_SIZE); // header, packed, plain, tables
  });

  test('is recognised by its magic', () => {
    expect(qcow2().matches(writeImage(qcow2(), diskOf(512)).bytes)).toBe(true);
    expect(qcow2().matches(new Uint8Array(512))).toBe(false);
    expect(qcow2().matches(new Uint8Array(0))).toBe(false);
  });
});

describeWith(['qemu-img'], 'the refcounts of a large image', () => {
  // More than 2 GiB of file needs a second refcount block. The data are left out: a check reads tables only.
  test.each([
    ['plain clusters', 33_000, () => noise(BLOCK_SIZE + 32)],
    ['packed clusters', 90_000, () => noise(30_000)],
    ['packed and plain clusters', 60_000, (i: number) => noise(i % 3 ? 33_333 : BLOCK_SIZE + 32)],
    ['blocks that fill a cluster exactly', 33_000, () => noise(BLOCK_SIZE - 1 + 6)],
  ])('are exact across refcount blocks: %s', (_, blockCount, packed) => {
    const path = join(temporaryFolder(), 'large.qcow2');
    const streams = [0, 1, 2].map(packed);
    const fd = openSync(path, 'w');
    const bytes = noise(BLOCK_SIZE);
    const output = tablesOnly(fd, new Set([bytes, ...streams].map(({ buffer }) => buffer)));
    const format = qcow2();
    const size = 2 ** 46; // 64 TiB
    const writer = format.write({
      disk: { ...IDENTITY, size },
      encoding: format.encoding({ level: 1 }),
      output,
      hasher: () => {
        throw new Error('nothing to hash');
      },
    });
    const last = size / BLOCK_SIZE - 1;
    for (let i = 0; i < blockCount; i++) {
      const stream = streams[i % streams.length]!; // never empty
      const index = i === blockCount - 1 ? last : i;
      writer.add({ index, bytes, length: BLOCK_SIZE, packed: () => stream });
    }
    writer.finish(size);
    closeSync(fd);
    checkQcow2(path);
    const info = JSON.parse(run('qemu-img', 'info', '--output=json', path)) as object;
    expect(info).toMatchObject({ 'virtual-size': size });
  });

  function tablesOnly(fd: number, skipped: ReadonlySet<ArrayBufferLike>): ImageOutput {
    let position = 0;
    const write = (bytes: Uint8Array, offset: number) => {
      if (!skipped.has(bytes.buffer)) writeSync(fd, bytes, 0, bytes.length, offset);
    };
    return {
      get position() {
        return position;
      },
      append(bytes) {
        write(bytes, position);
        position += bytes.length;
      },
      zeros: (count) => (position += count),
      patch: (offset, bytes) => {
        write(bytes, offset);
      },
    };
  }
});
