// Images damaged on purpose: what our check finds in them, and what qemu-img check does.

import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { FormatError, qcow2 } from '../../formats/index.ts';
import { noise, text, writeDisk } from '../support/disks.ts';
import { sharedFolder } from '../support/folder.ts';
import { describeWith, run } from '../support/peers.ts';
import { diskOf, openImage, problemsOf } from '../support/read-image.ts';

const CLUSTER = 65_536;

/** Where the tables of an image are, read from its header without our own code. */
function tablesOf(image: Buffer) {
  const l1 = Number(image.readBigUInt64BE(40));
  const refcountTable = Number(image.readBigUInt64BE(48));
  const offset = (at: number) => Number(image.readBigUInt64BE(at) & 0x00fffffffffffe00n);
  return { l1, l2: offset(l1), refcountTable, refcountBlock: offset(refcountTable) };
}

interface Damage {
  readonly name: string;
  readonly compressed?: boolean;
  readonly breaks: (image: Buffer, at: ReturnType<typeof tablesOf>) => void;
  /** What qemu-img check finds, as its exit status: 1 cannot check, 2 corruption, 3 leaks. */
  readonly theirs: number;
  readonly ours: RegExp;
  /** Ours, where QEMU calls it a corruption because of a flag. */
  readonly severity?: 'leak';
}

const DAMAGES: readonly Damage[] = [
  {
    name: 'a refcount of 0 for a cluster in use',
    breaks: (image, { refcountBlock }) => image.writeUInt16BE(0, refcountBlock + 2 * 6),
    theirs: 2,
    ours: /has refcount 0, expected 1/,
  },
  {
    name: 'a refcount too high',
    breaks: (image, { refcountBlock }) => image.writeUInt16BE(2, refcountBlock + 2 * 6),
    theirs: 2, // the copied flag is wrong then
    ours: /has refcount 2, expected 1/,
    severity: 'leak',
  },
  {
    name: 'a lost L2 entry',
    breaks: (image, { l2 }) => image.fill(0, l2, l2 + 8),
    theirs: 3,
    ours: /a cluster is leaked/,
  },
  {
    name: 'two L2 entries for one cluster',
    breaks: (image, { l2 }) => image.copy(image, l2 + 8, l2, l2 + 8),
    theirs: 2,
    ours: /has refcount 1, expected 2/,
  },
  {
    name: 'an L2 entry that points into the L1 table',
    breaks: (image, { l1, l2 }) => image.writeBigUInt64BE((1n << 63n) | BigInt(l1), l2 + 8),
    theirs: 2,
    ours: /used for a table and other data/,
  },
  {
    name: 'an L2 entry that points past the end',
    breaks: (image, { l2 }) => image.writeBigUInt64BE((1n << 63n) | BigInt(2 ** 40), l2 + 8),
    theirs: 2,
    ours: /runs past the end of the image/,
  },
  {
    name: 'an L2 entry that is not aligned',
    breaks: (image, { l2 }) => image.writeUInt8(2, l2 + 8 + 6),
    theirs: 2,
    ours: /not aligned to a cluster/,
  },
  {
    name: 'a copied flag that is missing',
    breaks: (image, { l2 }) => image.writeUInt8(0, l2 + 8),
    theirs: 2,
    ours: /the copied flag is wrong/,
  },
  {
    name: 'a copied flag of a compressed cluster',
    compressed: true,
    breaks: (image, { l2 }) => image.writeUInt8(image.readUInt8(l2) | 0x80, l2),
    theirs: 2,
    ours: /a compressed cluster with the copied flag/,
  },
  {
    name: 'reserved bits in an L2 entry',
    breaks: (image, { l2 }) => image.writeUInt8(image.readUInt8(l2) | 0x08, l2),
    theirs: 2,
    ours: /reserved bits are set/,
  },
  {
    name: 'reserved bits in an L1 entry',
    breaks: (image, { l1 }) => image.writeUInt8(image.readUInt8(l1) | 0x08, l1),
    theirs: 2,
    ours: /reserved bits are set/,
  },
  {
    name: 'a refcount block that is not aligned',
    breaks: (image, { refcountTable }) => image.writeUInt8(2, refcountTable + 6),
    theirs: 1, // it gives up
    ours: /refcount block of entry 0 at 0x[0-9a-f]+ is not aligned/,
  },
  {
    name: 'a refcount block past the end',
    breaks: (image, { refcountTable }) => image.writeBigUInt64BE(BigInt(2 ** 40), refcountTable),
    theirs: 2,
    ours: /runs past the end/,
  },
];

describeWith(['qemu-img'], 'the check of an image of qemu-img', () => {
  const folder = sharedFolder();
  const plain = join(folder, 'plain.qcow2');
  const compressed = join(folder, 'compressed.qcow2');
  const foundIn = async (image: Buffer) => problemsOf(await openImage(qcow2(), image));
  beforeAll(() => {
    const disk = join(folder, 'disk');
    const pieces = [{ offset: 0, bytes: text(12 * CLUSTER) }];
    writeDisk(disk, { size: 2 ** 22, pieces });
    run('qemu-img', 'convert', '-O', 'qcow2', disk, plain);
    run('qemu-img', 'convert', '-c', '-O', 'qcow2', disk, compressed);
  });

  test.each(DAMAGES)(
    'finds $name, as QEMU does',
    async ({ compressed: isCompressed, breaks, theirs, ours, severity }) => {
      const image = readFileSync(isCompressed ? compressed : plain);
      breaks(image, tablesOf(image));
      const path = join(folder, 'broken.qcow2');
      writeFileSync(path, image);
      const { status } = spawnSync('qemu-img', ['check', path]);
      expect(status).toBe(theirs);
      const problems = await foundIn(image);
      expect(problems.join('\n')).toMatch(ours);
      const isError = theirs !== 3 && severity !== 'leak';
      expect(problems.some((problem) => problem.startsWith('error: '))).toBe(isError);
    },
  );

  test('reports the marks dirty and corrupt', async () => {
    const image = readFileSync(plain);
    image.writeUInt8(3, 79);
    expect(await foundIn(image)).toStrictEqual([
      'error: the image is marked corrupt',
      'error: the image is marked dirty: its refcounts may be out of date',
    ]);
  });

  test('names an unknown feature as the image does', async () => {
    const image = readFileSync(plain);
    image.writeUInt8(0x40, 79); // bit 6
    const at = image.indexOf('dirty bit');
    image.writeUInt8(6, at - 1);
    image.write('holograms\0', at, 'latin1');
    await expect(openImage(qcow2(), image)).rejects.toThrow('needs the feature "holograms"');
  });

  test('of tables with random bytes ends with an answer or a FormatError', async () => {
    const image = readFileSync(compressed);
    const tables = tablesOf(image);
    const places = [0, tables.l1, tables.l2, tables.refcountTable, tables.refcountBlock];
    const random = noise(3 * 400, 42);
    for (let i = 0; i < 400; i++) {
      const broken = Buffer.from(image);
      const place = places[random.readUInt8(3 * i) % places.length] ?? 0;
      for (let j = 0; j <= i % 3; j++) {
        broken.writeUInt8(
          random.readUInt8(3 * i + 1),
          place + ((random.readUInt8(3 * i + 2) + 7 * j) % 120),
        );
      }
      try {
        const reader = await openImage(qcow2(), broken);
        await diskOf(reader, broken);
        await problemsOf(reader);
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
      }
    }
  });

  test('of a map that names one L2 table twice ends at once', async () => {
    const image = readFileSync(plain);
    const { l1 } = tablesOf(image);
    image.writeUInt32BE(2, 36); // L1 entries
    image.writeBigUInt64BE(2n ** 30n, 24); // two tables of 512 MiB
    image.copy(image, l1 + 8, l1, l1 + 8);
    const reader = await openImage(qcow2(), image);
    await expect(diskOf(reader, image)).rejects.toThrow('maps two parts of the disk');
    expect(await problemsOf(reader)).not.toStrictEqual([]);
  });
});
