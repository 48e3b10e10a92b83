import { describe, expect, test } from 'vitest';
import {
  CONFIG_OFFSET,
  CONFIG_SIZE,
  encodeUberblock,
  isSound,
  LABEL_SIZE,
  labelOffsets,
  RING_OFFSET,
  RING_SIZE,
  seal,
  slotSize,
  type Uberblock,
  UBERBLOCK_MAGIC,
} from '../../../formats/zfs/label.ts';
import { checkpointedUberblock, pinUberblock, readRing } from '../../../formats/zfs/uberblocks.ts';
import { readVdevConfig } from '../../../formats/zfs/vdev-config.ts';
import { capturedLabels, sha256 } from '../../support/zfs-labels.ts';

const MIB = 2 ** 20;

describe('the labels of a vdev', () => {
  test('are at its start and at its end, which is rounded down to whole labels', () => {
    expect(labelOffsets(100 * MIB)).toEqual([0, 262_144, 99.5 * MIB, 99.75 * MIB]);
    expect(labelOffsets(100 * MIB + 262_143)).toEqual(labelOffsets(100 * MIB));
  });

  test.each([
    ['ashift9', 100, 9, 1024],
    ['ashift12', 100, 12, 4096],
    ['ashift13', 100, 13, 8192],
    ['mirror-a', 128, 9, 1024],
    ['multihost', 128, 9, 1024],
  ])('%s are read: four sound ones of the same vdev', (name, mebibytes, ashift, slot) => {
    const found = capturedLabels(name, mebibytes * MIB).map(({ label, vdevOffset }) =>
      readVdevConfig(label, vdevOffset, sha256),
    );
    expect(new Set(found.map(({ identity }) => identity)).size).toBe(1);
    expect(found[0]).toMatchObject({ ashift });
    expect(slotSize(ashift)).toBe(slot);
  });

  test('name the pool and the vdev', () => {
    const [single] = capturedLabels('ashift12', 100 * MIB);
    expect(readVdevConfig(single!.label, 0, sha256)).toMatchObject({
      poolName: 'tank12',
      poolGuid: 10630227251258496951n,
      guid: 12136345998823582535n,
      topGuid: 12136345998823582535n,
    });
    const [side] = capturedLabels('mirror-a', 128 * MIB);
    expect(readVdevConfig(side!.label, 0, sha256)).toMatchObject({
      guid: 2103257581040912141n,
      topGuid: 14415309950148999916n,
    });
  });

  test('are refused where a bit is flipped, and elsewhere on the vdev', () => {
    const { label } = capturedLabels('ashift12', 100 * MIB)[0]!;
    expect(() => readVdevConfig(label, LABEL_SIZE, sha256)).toThrow('has a wrong checksum');
    label[CONFIG_OFFSET + 100]! ^= 1;
    expect(() => readVdevConfig(label, 0, sha256)).toThrow('has a wrong checksum');
  });

  test('are refused if they are sound and say nothing', () => {
    const { label } = capturedLabels('ashift12', 100 * MIB)[0]!;
    const config = label.subarray(CONFIG_OFFSET, CONFIG_OFFSET + CONFIG_SIZE);
    config.fill(0, 4, 5000); // version, flags and a pair of no size: an empty list
    seal(config, CONFIG_OFFSET, 'little', sha256);
    expect(() => readVdevConfig(label, 0, sha256)).toThrow('has no vdev_tree');
  });
});

describe('a label that is sound', () => {
  test.each([0, 8, 17, 255])('is refused with an ashift of %i', (ashift) => {
    const { label } = capturedLabels('ashift12', 100 * MIB)[0]!;
    const config = label.subarray(CONFIG_OFFSET, CONFIG_OFFSET + CONFIG_SIZE);
    const at = Buffer.from(config).indexOf('ashift');
    // After the name, which takes whole words: the type, the count, and the value of 64 bits.
    config[at + 8 + 4 + 4 + 7] = ashift;
    seal(config, CONFIG_OFFSET, 'little', sha256);
    expect(() => readVdevConfig(label, 0, sha256)).toThrow(
      `zfs: ashift is ${ashift} in the vdev label, expected 9 to 16`,
    );
  });
});

const place = (vdevOffset: number, ashift: number) => ({ vdevOffset, ashift, sha256 });

describe('the ring of uberblocks', () => {
  // As zdb -lu printed them.
  test.each([
    ['ashift9', 100, 9, [4, 5, 6, 7, 10, 13, 16, 19, 22, 28]],
    ['ashift12', 100, 12, [4, 5, 6, 7, 10, 13, 16, 19, 22, 25, 26, 29]],
    ['ashift13', 100, 13, [16, 19, 4, 5, 22, 7, 10, 28, 13]],
    ['mirror-a', 128, 9, [4, 5, 6]],
  ])('of %s has the uberblocks that zdb finds, in every label', (name, size, ashift, txgs) => {
    for (const { label, vdevOffset } of capturedLabels(name, size * MIB)) {
      const ring = readRing(label, place(vdevOffset, ashift));
      expect(ring.map(({ txg }) => Number(txg))).toEqual(txgs);
    }
  });

  test('does not have an uberblock that is damaged', () => {
    const { label } = capturedLabels('ashift12', 100 * MIB)[0]!;
    label[RING_OFFSET + 29 * 4096 + 40]! ^= 1;
    expect(readRing(label, place(0, 12)).at(-1)?.txg).toBe(26n);
  });

  test('is read in either order of bytes', () => {
    const label = new Uint8Array(LABEL_SIZE);
    const slot = label.subarray(RING_OFFSET + 7168, RING_OFFSET + 8192);
    const values: Uberblock = {
      magic: UBERBLOCK_MAGIC,
      version: 5000n,
      txg: 7n,
      guidSum: 1n,
      timestamp: 1_795_390_256n,
      rootBlockPointer: new Uint8Array(128).fill(9),
      softwareVersion: 5000n,
      mmpMagic: 0n,
      mmpDelay: 0n,
      mmpConfig: 0n,
      checkpointTxg: 0n,
    };
    encodeUberblock(slot, 'big', values);
    seal(slot, LABEL_SIZE + RING_OFFSET + 7168, 'big', sha256);
    const found = readRing(label, place(LABEL_SIZE, 9));
    expect(found).toMatchObject([{ slot: 7, txg: 7n, order: 'big', values }]);
  });
});

const entry = (txg: number, slot: number) => {
  const ring = readRing(capturedLabels('ashift12', 100 * MIB)[0]!.label, place(0, 12));
  return { ...ring[0]!, txg: BigInt(txg), slot };
};

describe('the uberblock of a checkpoint', () => {
  test.each([
    ['ashift9', 9, 27n, 22n],
    ['ashift12', 12, 28n, 26n],
    ['ashift13', 13, 27n, 22n],
  ])('of the idle pool of %s is the newest one before it', (name, ashift, txg, chosen) => {
    const after = readRing(capturedLabels(name, 100 * MIB)[0]!.label, place(0, ashift));
    const slotCount = RING_SIZE / slotSize(ashift);
    expect(checkpointedUberblock([{ before: [], after, slotCount }], txg)?.txg).toBe(chosen);
  });

  test('is its own, if that was written', () => {
    const after = [entry(30, 30), entry(31, 31), entry(32, 0)];
    const found = checkpointedUberblock([{ before: [], after, slotCount: 32 }], 31n);
    expect(found?.txg).toBe(31n);
  });

  test('may come from what was read before', () => {
    const found = checkpointedUberblock(
      [{ before: [entry(31, 31)], after: [entry(63, 31)], slotCount: 32 }],
      31n,
    );
    expect(found?.txg).toBe(31n);
  });

  test('may be on some of the vdevs only, whose rings may differ in size', () => {
    const log = { before: [entry(20, 20)], after: [entry(20, 20)], slotCount: 128 };
    const data = { before: [entry(29, 29)], after: [entry(31, 31), entry(33, 1)], slotCount: 32 };
    expect(checkpointedUberblock([log, data], 31n)?.txg).toBe(31n);
    // 47 may have overwritten 31, and 30 is older.
    const other = { before: [], after: [entry(47, 15)], slotCount: 16 };
    const idle = { before: [], after: [entry(30, 30)], slotCount: 32 };
    expect(checkpointedUberblock([idle, other], 31n)).toBeUndefined();
  });

  test('is not known if a later one may be in its place', () => {
    const after = [entry(30, 30), entry(63, 31)]; // 31 may have been there
    expect(checkpointedUberblock([{ before: [], after, slotCount: 32 }], 31n)).toBeUndefined();
    const all = { before: [], after: [entry(40, 8)], slotCount: 32 };
    expect(checkpointedUberblock([all], 31n)).toBeUndefined();
    const long = { before: [], after: [entry(3, 3)], slotCount: 32 };
    expect(checkpointedUberblock([long], 40n)).toBeUndefined();
  });
});

describe('a pinned label', () => {
  test.each([false, true])('has no other uberblock (intent logs kept: %s)', (keepIntentLog) => {
    const labels = capturedLabels('ashift12', 100 * MIB);
    const chosen = readRing(labels[0]!.label, place(0, 12)).find(({ txg }) => txg === 26n)!;
    for (const { label, vdevOffset } of labels) {
      const pinned = pinUberblock(label, chosen, place(vdevOffset, 12), { keepIntentLog });
      const ring = readRing(pinned, place(vdevOffset, 12));
      const checkpointTxg = keepIntentLog ? 0n : 26n;
      expect(ring).toHaveLength(1);
      expect(ring[0]).toMatchObject({ slot: 26, values: { ...chosen.values, checkpointTxg } });
      expect(pinned.subarray(0, RING_OFFSET)).toEqual(label.subarray(0, RING_OFFSET));
      const rest = pinned.slice(RING_OFFSET);
      rest.fill(0, 26 * 4096, 27 * 4096);
      expect(rest.every((byte) => byte === 0)).toBe(true);
      // Without a change, the slot is what OpenZFS itself wrote, checksum and all.
      const at = RING_OFFSET + 26 * 4096;
      const same = Buffer.compare(pinned.subarray(at, at + 4096), label.subarray(at, at + 4096));
      expect(same === 0).toBe(keepIntentLog);
    }
  });

  test('is sound only where it belongs', () => {
    const { label } = capturedLabels('ashift9', 100 * MIB)[3]!;
    const offset = labelOffsets(100 * MIB)[3]!;
    const [first] = readRing(label, place(offset, 9));
    const pinned = pinUberblock(label, first!, place(offset, 9), { keepIntentLog: false });
    const at = RING_OFFSET + 4 * 1024;
    expect(isSound(pinned.subarray(at, at + 1024), offset + at, sha256)).toBe(true);
    expect(isSound(pinned.subarray(at, at + 1024), at, sha256)).toBe(false);
  });
});
