// VHDXs that were not closed: the updates in their logs count as part of the image.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { vhdx } from '../../formats/index.ts';
import { readHeader } from '../../formats/vhdx/decode-headers.ts';
import { replayLog } from '../../formats/vhdx/replay-log.ts';
import { diskWithBlocks } from '../support/disks.ts';
import { temporaryFolder } from '../support/folder.ts';
import { run, testWith } from '../support/peers.ts';
import { diskOf, inputOf, openImage, problemsOf } from '../support/read-image.ts';
import { type Entry, LOG_GUID, logEntry, sealed, withLog } from '../support/vhdx-log.ts';
import { writeImage } from '../support/write-image.ts';

const MIB = 2 ** 20;
const SECTOR = 4096;
const TABLE = 3 * MIB;
const LOG_SIZE = MIB;

// A disk of six blocks of which two are there, at 4 and 5 MiB of the image.
const image = (await writeImage(vhdx(), diskWithBlocks(6 * MIB, [0, 16]))).bytes;

/** The first sector of the table with some entries changed: a block's place in MiB, 0 for zeros. */
function table(places: Readonly<Record<number, number>>): Buffer {
  const bytes = Buffer.from(image.subarray(TABLE, TABLE + SECTOR));
  for (const [block, place] of Object.entries(places)) {
    bytes.writeBigUInt64LE(BigInt(place) * 2n ** 20n + (place === 0 ? 2n : 6n), 8 * Number(block));
  }
  return bytes;
}

/** An entry that writes the first sector of the table. */
function entry(sequence: number, tail: number, places: Parameters<typeof table>[0]): Buffer {
  return logEntry({ sequence, tail, updates: [{ offset: TABLE, data: table(places) }] });
}

/** For each block of the disk, the index of the 64 KiB that it was made of; undefined for zeros. */
async function blocksOf(bytes: Buffer): Promise<(number | undefined)[]> {
  const disk = await diskOf(await openImage(vhdx(), bytes), bytes);
  return Array.from({ length: disk.length / MIB }, (_, i) => {
    const [, index] =
      /^block (\d+) of a disk/.exec(disk.toString('latin1', i * MIB, i * MIB + 32)) ?? [];
    return index === undefined ? undefined : Number(index);
  });
}

describe('a log of one entry', () => {
  const dirty = withLog(image, [[0, entry(1, 0, { 1: 0, 3: 5 })]]);

  test('is replayed: what it writes is as if it were there', async () => {
    expect(await blocksOf(image)).toEqual([0, 16, ...Array<undefined>(4)]);
    expect(await blocksOf(dirty)).toEqual([0, undefined, undefined, 16, undefined, undefined]);
  });

  test('is in the facts, and the image is sound', async () => {
    const reader = await openImage(vhdx(), dirty);
    expect(reader.facts.details).toMatchObject({ 'log entries replayed': 1 });
    expect(await problemsOf(reader)).toEqual([]);
  });

  testWith(['qemu-img'], 'says to QEMU what it says to us', async () => {
    const path = join(temporaryFolder(), 'dirty.vhdx');
    writeFileSync(path, dirty);
    run('qemu-img', 'check', '-q', '-r', 'all', '-f', 'vhdx', path);
    run('qemu-img', 'convert', '-f', 'vhdx', '-O', 'raw', path, `${path}.raw`);
    writeFileSync(`${path}.ours`, await diskOf(await openImage(vhdx(), dirty), dirty));
    run('cmp', `${path}.raw`, `${path}.ours`);
  });
});

describe('a log of several entries', () => {
  const first = entry(1, 0, { 1: 0 });
  const second = entry(2, 0, { 1: 0, 2: 5 });
  const third = entry(3, 0, { 1: 0, 2: 0, 3: 5 });
  const place = (n: number) => n * first.length;

  test('is replayed in the order of its entries', async () => {
    const dirty = withLog(image, [
      [0, first],
      [place(1), second],
      [place(2), third],
    ]);
    expect((await blocksOf(dirty))[3]).toBe(16);
  });

  test('goes on at the start of the ring', async () => {
    const start = LOG_SIZE - SECTOR; // the first entry itself is in two parts
    const entries = [1, 2, 3].map((n) => entry(n, start, { 1: 0, [n + 1]: 5 }));
    const places = [start, SECTOR, SECTOR + first.length];
    const dirty = withLog(
      image,
      entries.map((each, i) => [places[i]!, each] as const),
    );
    expect(await blocksOf(dirty)).toEqual([0, undefined, undefined, undefined, 16, undefined]);
  });

  test('is replayed up to an entry that is torn', async () => {
    const torn = Buffer.from(third);
    torn.writeUInt8(torn.readUInt8(5000) ^ 1, 5000);
    const dirty = withLog(image, [
      [0, first],
      [place(1), second],
      [place(2), torn],
    ]);
    expect(await blocksOf(dirty)).toEqual([0, undefined, 16, undefined, undefined, undefined]);
  });

  test.each<[string, Buffer]>([
    [
      'of an older log',
      logEntry({
        ...updates({ 1: 0, 2: 0, 3: 5 }),
        sequence: 3,
        tail: 0,
        guid: Buffer.alloc(16, 7),
      }),
    ],
    ['with a number that does not follow', entry(7, 0, { 1: 0, 2: 0, 3: 5 })],
    ['with the number 0', entry(0, 0, { 1: 0, 2: 0, 3: 5 })],
    ['with the beginning of another one in it', changed((copy) => copy.write('loge', 9 * SECTOR))],
    ['with a descriptor of no kind', changed((copy) => copy.write('what', 64))],
    ['with a descriptor of another entry', changed((copy) => copy.writeUInt8(2, 64 + 24))],
  ])('is replayed up to an entry %s', async (_, stale) => {
    const dirty = withLog(image, [
      [0, first],
      [place(1), second],
      [place(2), stale],
    ]);
    expect((await blocksOf(dirty))[2]).toBe(16);
  });

  test('is replayed from the entry on that the newest one names', async () => {
    const dirty = withLog(image, [
      [
        0,
        logEntry({
          sequence: 1,
          tail: 0,
          updates: [{ offset: 3 * 2 ** 60 - SECTOR, data: table({}) }],
        }),
      ],
      [place(1), entry(2, place(1), { 4: 5, 1: 0 })],
    ]);
    expect((await blocksOf(dirty))[4]).toBe(16);
  });

  test('of which an older sequence is whole gives that', async () => {
    const dirty = withLog(image, [
      [0, first],
      [place(1), second],
      [place(5), entry(9, place(4), { 1: 0, 5: 5 })], // the entry that it names is not there
    ]);
    expect((await blocksOf(dirty))[2]).toBe(16);
  });

  test('of which the newest sequence is whole gives that, wherever it lies', async () => {
    const dirty = withLog(image, [
      [0, entry(9, 0, { 1: 0, 5: 5 })],
      [place(3), first],
    ]);
    expect((await blocksOf(dirty))[5]).toBe(16);
  });
});

/** A third entry, longer than what it describes, that was changed before its checksum was made. */
function changed(change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.concat([entry(3, 0, { 1: 0, 2: 0, 3: 5 }), Buffer.alloc(14 * SECTOR)]);
  copy.writeUInt32LE(copy.length, 8);
  change(copy);
  return sealed(copy);
}

function updates(places: Parameters<typeof table>[0]): Pick<Entry, 'updates'> {
  return { updates: [{ offset: TABLE, data: table(places) }] };
}

describe('a log that', () => {
  const one = (options: Partial<Entry>) =>
    withLog(image, [[0, logEntry({ sequence: 1, tail: 0, updates: [], ...options })]]);

  test('sets sectors to zero is replayed', async () => {
    const dirty = one({ updates: [{ offset: TABLE, zeros: 2 * SECTOR }] });
    expect(await blocksOf(dirty)).toEqual(Array(6).fill(undefined));
  });

  test('has more descriptors than a sector holds is replayed', async () => {
    const many = Array.from({ length: 200 }, (_, i) => ({
      offset: TABLE + (199 - i) * SECTOR,
      data: i === 199 ? table({ 1: 0, 5: 5 }) : Buffer.alloc(SECTOR),
    }));
    expect((await blocksOf(one({ updates: many })))[5]).toBe(16);
  });

  test('has an empty entry leaves the image as it is', async () => {
    expect(await blocksOf(one({}))).toEqual(await blocksOf(image));
  });

  test('has an entry longer than what it describes is replayed', async () => {
    const short = entry(1, 0, { 1: 0, 5: 5 });
    const long = Buffer.concat([short, Buffer.alloc(14 * SECTOR)]);
    long.writeUInt32LE(long.length, 8);
    expect((await blocksOf(withLog(image, [[0, sealed(long)]])))[5]).toBe(16);
  });

  test('extends the image to where a block is gives zeros for what was never written', async () => {
    const dirty = one({ ...updates({ 2: 6, 3: 7 }), lastSize: 8 * MIB });
    const reader = await openImage(vhdx(), dirty);
    expect(await problemsOf(reader)).toEqual([]);
    expect(await blocksOf(dirty)).toEqual([0, 16, undefined, undefined, undefined, undefined]);
  });

  test('names a block past that size is refused', async () => {
    const dirty = one({ ...updates({ 2: 8 }), lastSize: 8 * MIB });
    await expect(blocksOf(dirty)).rejects.toThrow(
      'vhdx: block 2 ends at 9437184, the image at 8388608',
    );
  });

  test.each<[string, Buffer, string]>([
    ['has no whole entry', withLog(image, []), 'the log is in use, but has no complete sequence'],
    ['was written when the image was larger', one({ flushedSize: 7 * MIB }), 'it was cut off'],
    [
      'writes more than any log does',
      one({ updates: [{ offset: TABLE, zeros: 2 ** 60 }] }),
      'a length in the log is 1152921504606846976, more than any image can have',
    ],
    [
      'sets a TiB to zero',
      one({ updates: [{ offset: TABLE, zeros: 2 ** 40 }] }),
      'the log writes more than 1073741824 bytes',
    ],
  ])('%s is refused', async (_, dirty, message) => {
    await expect(openImage(vhdx(), dirty)).rejects.toThrow(message);
  });

  test('changes data of the disk is refused', async () => {
    const dirty = one({ updates: [{ offset: 5 * MIB, data: Buffer.alloc(SECTOR, 1) }] });
    await expect(blocksOf(dirty)).rejects.toThrow('the log changes data of the disk at 5242880');
  });

  test('is longer than any is refused', async () => {
    const long = Buffer.concat([one({}), Buffer.alloc(18 * MIB)]);
    for (const at of [65_536, 131_072]) {
      long.writeUInt32LE(17 * MIB, at + 68);
      sealed(long.subarray(at, at + SECTOR));
    }
    await expect(openImage(vhdx(), long)).rejects.toMatchObject({
      kind: 'unsupported',
      message: 'vhdx: a log of 17825792 bytes is to be replayed, 16777216 are the most here',
    });
  });

  test('extends the image gives it an end, past which nothing is read', async () => {
    const input = inputOf(one({ ...updates({}), lastSize: 8 * MIB }));
    const replayed = await replayLog(input, await readHeader(input));
    expect(await replayed.read(8 * MIB - 1, 1)).toEqual(Uint8Array.of(0));
    await expect(replayed.read(8 * MIB - 1, 2)).rejects.toThrow(
      'vhdx: the image ends at byte 8388608, within 2 bytes at 8388607',
    );
  });

  test('has no GUID is ignored', async () => {
    const clean = withLog(image, [[0, entry(1, 0, { 1: 0 })]]);
    for (const at of [65_536, 131_072]) image.copy(clean, at, at, at + SECTOR);
    expect(clean.includes(LOG_GUID)).toBe(true);
    expect(await blocksOf(clean)).toEqual(await blocksOf(image));
  });
});
