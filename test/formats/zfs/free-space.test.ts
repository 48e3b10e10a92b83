import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FormatError } from '../../../formats/errors.ts';
import { ALLOCATABLE_OFFSET } from '../../../formats/zfs/free-space.ts';
import {
  madePool,
  METASLAB,
  METASLABS,
  type MadeSpace,
  OBJECTS,
  pointerTo,
  type Spoiled,
} from './made-pool.ts';
import { freeRuns, recordedPool, type Run, unusedRuns } from '../../support/zfs-pools.ts';

const MIB = 2 ** 20;
const END = METASLABS * METASLAB;
const used = [false, 0, MIB] as const;
const total = (runs: readonly Run[]) => runs.reduce((sum, [start, end]) => sum + end - start, 0);

describe('the free space of a real pool', () => {
  test.each([
    ['ashift9', 96, 1],
    ['ashift12', 128, 1],
    ['ashift13', 256, 1],
    ['sides', 96, 1],
    ['several', 96, 2],
    ['nolog', 96, 1],
    ['old', 96, 1],
    ['raidz1', 256, 1],
    ['raidz2', 128, 1],
    ['draid', 256, 1],
  ])('of %s is what lies between the blocks that zdb finds', async (name, mebibytes, vdevs) => {
    const found = await freeRuns(recordedPool(name, mebibytes));
    expect(found.size).toBe(vdevs);
    expect(found).toEqual(unusedRuns(name));
    for (const runs of found.values()) expect(total(runs)).toBeGreaterThan(10 * MIB);
  });

  test.each(['ashift9', 'several', 'nolog'])('of %s is read in parts', async (name) => {
    const inParts = await freeRuns(recordedPool(name, 96), METASLAB / 512);
    expect(inParts).toEqual(unusedRuns(name));
  });

  test('is read from the other side of a mirror where a block is damaged', async () => {
    const { devices, ...pool } = recordedPool('sides', 96);
    const [sound] = devices.get(0)!; // of the other one only the label is recorded
    const damaged = new Map([...sound!].map(([at, bytes]) => [at, bytes.slice().fill(1)]));
    const found = await freeRuns({ ...pool, devices: new Map([[0, [damaged, sound!]]]) });
    expect(found).toEqual(unusedRuns('sides'));
    const alone = freeRuns({ ...pool, devices: new Map([[0, [damaged]]]) });
    await expect(alone).rejects.toBeInstanceOf(FormatError);
  });
});

const freeOf = async (space?: MadeSpace, spoiled?: Spoiled) =>
  (await freeRuns(madePool(space, spoiled))).get(0);

describe('the free space of a pool', () => {
  test('is what no space map says is allocated', async () => {
    expect(await freeOf()).toEqual([[MIB, END]]);
    const maps = [
      [used, [false, 4 * MIB, MIB], [true, 4 * MIB, 512]],
      [[false, 512, 512]],
    ] as const;
    expect(await freeOf({ maps })).toEqual([
      [MIB, 4 * MIB + 512],
      [5 * MIB, METASLAB + 512],
      [METASLAB + 1024, END],
    ]);
  });

  test('takes into account the logs since a map was written', async () => {
    const logs = new Map([
      [11, [[true, 2 * MIB, MIB]] as const],
      [
        10,
        [
          [false, 2 * MIB, 2 * MIB],
          [false, METASLAB, MIB],
        ] as const,
      ],
      [
        9,
        [
          [false, 2 * MIB, 2 * MIB],
          [false, METASLAB, MIB],
        ] as const,
      ],
    ]);
    expect(await freeOf({ logs, unflushed: [10, 11, 0] })).toEqual([
      [MIB, 3 * MIB],
      [4 * MIB, END],
    ]);
  });

  test.each<[string, MadeSpace, string]>([
    ['allocated twice', { maps: [[used, [false, 512, 512]]] }, 'is allocated twice'],
    ['freed twice', { maps: [[used, [true, MIB, 512]]] }, 'is freed twice'],
    ['allocated twice by a log', { logs: new Map([[9, [used]]]) }, 'is allocated twice'],
    ['of a later log', { logs: new Map([[101, []]]) }, 'a log of space maps from a later state'],
    ['past the end', { maps: [[used, [false, METASLAB - 512, 1024]]] }, 'not within a metaslab'],
    ['past it in a log', { logs: new Map([[9, [[false, END, 512]]]]) }, 'not within a metaslab'],
    ['free where it is read', { maps: [[]] }, 'a block that is in use is marked as free'],
    ['of an unknown feature', { features: ['org.example:new'] }, 'the feature org.example:new'],
    ['of a hole', { config: { type: 'hole' } }, 'a vdev of type hole'],
    ['of another vdev', { config: { guid: 78n } }, 'the vdev is not one of the pool'],
    ['of huge metaslabs', { config: { metaslab_shift: 60n } }, '0 metaslabs of 2^60 bytes'],
    ['of tiny metaslabs', { config: { metaslab_shift: 9n } }, 'metaslabs of 2^9 bytes'],
    ['past the device', { config: { asize: 2n ** 50n } }, 'the vdev has 67108864 metaslabs'],
  ])('is not known if it is %s', async (_, space, message) => {
    await expect(freeOf(space)).rejects.toThrow(message);
    await expect(freeOf(space)).rejects.toBeInstanceOf(FormatError);
  });
});

/** Spoils one dnode or pointer. */
const of = (object: number, spoil: (bytes: Buffer) => void) => (which: number, bytes: Buffer) => {
  if (which === object) spoil(bytes);
};
const setProperty = (low: number, value: bigint) => (pointer: Buffer) => {
  pointer.writeBigUInt64LE(pointer.readBigUInt64LE(48) | (value << BigInt(low)), 48);
};
const { directory, config, logs: logsObject, array, firstMap } = OBJECTS;

describe('a pool that is not as it must be', () => {
  test.each<[string, Spoiled, string]>([
    [
      'a wrong sum',
      { dnode: of(firstMap, (d) => d.writeBigInt64LE(512n, 208)) },
      'its header says 512',
    ],
    ['a huge map', { dnode: of(firstMap, (d) => d.writeBigUInt64LE(2n ** 60n, 200)) }, 'is longer'],
    [
      'a huge map of holes',
      {
        dnode: of(firstMap, (d) => {
          d.fill(0, 64, 192);
          d[2] = 12;
          d.writeBigUInt64LE(2n ** 47n, 16);
          d.writeBigUInt64LE(2n ** 52n, 200);
        }),
      },
      'is allocated twice',
    ],
    ['half an entry', { dnode: of(firstMap, (d) => d.writeBigUInt64LE(8n, 200)) }, 'ends within'],
    ['no map', { dnode: of(firstMap, (d) => (d[0] = 2)) }, 'an object is not a space map'],
    ['no object', { dnode: of(config, (d) => d.fill(0)) }, 'a dnode is free or damaged'],
    ['20 levels', { dnode: of(array, (d) => (d[2] = 20)) }, 'a dnode is free or damaged'],
    ['9 pointers', { dnode: of(array, (d) => (d[3] = 9)) }, 'a dnode is free or damaged'],
    ['a wrong level', { dnode: of(array, (d) => (d[2] = 2)) }, 'a block of level 0'],
    [
      'a huge list',
      { dnode: of(config, (d) => d.fill(255, 192, 200)) },
      'the configuration of the pool has',
    ],
    ['a huge block', { pointer: of(array, setProperty(0, 0xffffn)) }, 'with 33554432 bytes'],
    ['an encrypted block', { pointer: of(array, setProperty(61, 1n)) }, 'is encrypted'],
    ['a gang block', { pointer: of(array, (p) => (p[15]! |= 128)) }, 'is split (a gang block)'],
    ['a block of SHA-256', { pointer: of(array, setProperty(40, 15n)) }, 'checksum type 15'],
    [
      'a block of later',
      { pointer: of(array, (p) => (p[80] = 101)) },
      'from transaction group 101, later than 100',
    ],
    ['a block of big-endian', { pointer: of(array, (p) => (p[55]! &= 127)) }, 'big-endian'],
    ['a block nowhere', { pointer: of(array, (p) => (p[13] = 9)) }, 'is not recorded'],
    [
      'a lost block',
      { pointer: of(array, (p) => p.writeUInt32LE(5, 4)) },
      'every copy of a block is damaged',
    ],
    ['no object set', { pointer: of(-1, (p) => (p[54] = 10)) }, 'does not lead to an object set'],
    [
      'a log of no transaction group',
      { content: of(logsObject, (c) => c.write('log', 64 + 14)) },
      'the name of a log of space maps is not a transaction group',
    ],
    ['no directory', { content: of(directory, (c) => c.fill(0)) }, 'a ZAP has no header'],
  ])('is not read: %s', async (_, spoiled, message) => {
    await expect(freeOf({}, spoiled)).rejects.toThrow(message);
  });

  test.each([28n, 5001n])('is not read: version %i', async (version) => {
    const { uberblock, ...pool } = madePool();
    const values = { ...uberblock.values, version };
    const found = freeRuns({ ...pool, uberblock: { ...uberblock, values } });
    await expect(found).rejects.toMatchObject({
      kind: 'unsupported',
      message: `zfs: the pool has version ${version}, 5000 is supported`,
    });
  });

  test('may name one block a million times, and is not read to its end', async () => {
    const remarks = Buffer.alloc(131_072);
    for (let at = 7; at < remarks.length; at += 8) remarks[at] = 0x80;
    const blocks = [remarks];
    for (let level = 0; level < 2; level++) {
      const pointer = pointerTo(32 * MIB + level * 131_072, level, 8, blocks[level]!);
      blocks.push(Buffer.concat(Array.from({ length: 1024 }, () => pointer)));
    }
    const dnode = of(firstMap, (d) => {
      d[2] = 3;
      d.writeUInt16LE(256, 8);
      d.writeBigUInt64LE(2n ** 20n - 1n, 16);
      d.writeBigUInt64LE(2n ** 37n, 200);
      pointerTo(32 * MIB + 2 * 131_072, 2, 8, blocks[2]!).copy(d, 64);
    });
    const pool = madePool({}, { dnode });
    for (const [index, block] of blocks.entries()) {
      const at = ALLOCATABLE_OFFSET + 32 * MIB + index * 131_072;
      pool.devices.get(0)![0]!.set(at, new Uint8Array(block));
    }
    await expect(freeRuns(pool)).rejects.toThrow('the metadata has more than');
  });

  test('is read or refused, whatever its bytes are', async () => {
    const change = fc.record({
      object: fc.integer({ min: 0, max: 14 }),
      kind: fc.constantFrom('content', 'dnode', 'pointer'),
      at: fc.nat(1023),
      value: fc.integer({ min: 0, max: 255 }),
    });
    const logs = new Map([[10, [[false, 2 * MIB, 2 * MIB]] as const]]);
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const spoil = (kind: string) => (object: number, bytes: Buffer) => {
          for (const found of changes) {
            if (found.kind === kind && found.object === object) {
              bytes[found.at % bytes.length] = found.value;
            }
          }
        };
        const spoiled = {
          content: spoil('content'),
          dnode: spoil('dnode'),
          pointer: spoil('pointer'),
        };
        await freeOf({ logs, unflushed: [10, 10, 10] }, spoiled).catch((error: unknown) => {
          expect(error).toBeInstanceOf(FormatError);
        });
      }),
      { numRuns: 300 },
    );
  });
});
