// Packages of streams (zfs send -R, -I): which of them is the disk, and lists that are wrong.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { makeSendStream } from '../../../bench/make-send-stream.ts';
import { StreamRefusal } from '../../../formats/zfs-send/index.ts';
import { text } from '../../support/disks.ts';
import { innerList, packedList, pairOf } from '../../support/nvlist.ts';
import { listOf, packageOf } from '../../support/send-package.ts';
import { fixture, readDisk } from '../../support/send-streams.ts';

const SIZE = 65_536;

const streamOf = (name: string, guid: bigint, fromGuid = 0n, volumeSize = SIZE) => {
  const blocks = [{ diskOffset: 0, bytes: text(16_384, Number(guid)) }];
  const stream = { name, guid, fromGuid, volumeSize, blockSize: 16_384, blocks };
  return Buffer.concat([...makeSendStream(stream)]);
};
const diskOf = (guid: number) => Buffer.concat([text(16_384, guid)], SIZE);

const VM = { 'tank/vm': { a: 1n, b: 2n } };
const ONE = [streamOf('tank/vm@a', 1n), streamOf('tank/vm@b', 2n, 1n)];
const FILES = readFileSync(fixture('neg-filesystem'));

/** What a package is refused with. */
function refusal(bytes: Buffer, choice?: Parameters<typeof readDisk>[1]): unknown {
  try {
    readDisk(bytes, choice);
    return undefined;
  } catch (error) {
    return error;
  }
}

describe('a package', () => {
  test('gives the last snapshot of its volume, or the one that is chosen', () => {
    const bytes = packageOf(listOf(VM), [FILES, ...ONE]);
    expect(readDisk(bytes).equals(diskOf(2))).toBe(true);
    expect(readDisk(bytes, { snapshot: 'a' }).equals(diskOf(1))).toBe(true);
    expect(readDisk(bytes, { volume: 'tank/vm', snapshot: 'b' }).equals(diskOf(2))).toBe(true);
  });

  test.each<[string, Buffer, Parameters<typeof readDisk>[1], string, string]>([
    [
      'file systems only',
      packageOf(listOf({ 'tank/tree/fs': { b: 1n } }), [FILES]),
      {},
      'file-system',
      'the package has file systems only, no volume',
    ],
    [
      'two volumes',
      packageOf(listOf({ ...VM, 'tank/db': { b: 3n } }), [...ONE, streamOf('tank/db@b', 3n)]),
      {},
      'volume',
      'the package has the volumes tank/vm and tank/db',
    ],
    [
      'another volume',
      packageOf(listOf(VM), ONE),
      { volume: 'tank/db' },
      'volume',
      'the package has no volume tank/db; it has tank/vm',
    ],
    [
      'no dataset at all',
      packageOf(listOf({}), ONE),
      { volume: 'tank/db' },
      'volume',
      'the package has no volume tank/db; it has none',
    ],
    [
      'other snapshots',
      packageOf(listOf(VM), ONE),
      { snapshot: 'z' },
      'snapshot',
      'the package has no snapshot z of tank/vm; it has a, b',
    ],
    [
      'no stream of the last snapshot',
      packageOf(listOf(VM), ONE.slice(0, 1)),
      {},
      'snapshot',
      'the package has no stream of tank/vm@b; its last one is that of tank/vm@a',
    ],
    [
      'no list, and other snapshots',
      packageOf(Buffer.alloc(0), [streamOf('tank@a', 1n)]),
      {},
      'snapshot',
      'the package has no snapshot b of tank; it has a',
    ],
  ])('with %s is refused', (_, bytes, choice, reason, message) => {
    expect(refusal(bytes, choice)).toBeInstanceOf(StreamRefusal);
    expect(refusal(bytes, choice)).toMatchObject({ kind: 'unsupported', reason, message });
  });

  const dataset = (...pairs: Buffer[]) =>
    packedList(pairOf('fss', innerList(pairOf('0', innerList(...pairs)))));
  test.each<[string, Buffer, string]>([
    ['has no datasets', packedList(), 'the package has no list "fss"'],
    ['has text for its datasets', packedList(pairOf('fss', 'x')), 'the package has no list "fss"'],
    [
      'has text for a dataset',
      packedList(pairOf('fss', innerList(pairOf('0', 'x')))),
      'the package has no list "fss"',
    ],
    [
      'has a dataset without a name',
      dataset(pairOf('snaps', innerList())),
      'the list of the package has a dataset without a name',
    ],
    [
      'has a number for a name',
      dataset(pairOf('name', 7n), pairOf('snaps', innerList())),
      'the list of the package has a dataset without a name',
    ],
    [
      'has a dataset without snapshots',
      dataset(pairOf('name', 'tank/vm')),
      'the package has no list "snaps"',
    ],
  ])('whose list %s is damaged', (_, list, message) => {
    expect(refusal(packageOf(list, ONE))).toMatchObject({ kind: 'damaged', message });
  });

  test('in which a stream does not follow the one before it is damaged', () => {
    const gap = [streamOf('tank/vm@a', 1n), streamOf('tank/vm@b', 2n, 9n)];
    expect(refusal(packageOf(listOf(VM), gap))).toMatchObject({
      kind: 'damaged',
      message: 'the stream of tank/vm@b does not start from tank/vm@a, the snapshot before it',
    });
  });
});

test.each([
  [{ volume: 'tank/db' }, 'volume', 'the stream is of the volume tank/vm, not tank/db'],
  [{ snapshot: 'z' }, 'snapshot', 'the stream is of the snapshot tank/vm@a, not z'],
])('a single stream is refused for %o', (choice, reason, message) => {
  expect(refusal(streamOf('tank/vm@a', 1n), choice)).toMatchObject({ reason, message });
});
