// The disks of a machine, exported together by the library.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  encodeMachine,
  fileSink,
  KexportError,
  memorySink,
  ova,
  type Progress,
  qcow2,
  raw,
  type Source,
} from 'kexport';
import { describe, expect, test } from 'vitest';
import { noise } from '../support/disks.ts';
import { temporaryFolder } from '../support/folder.ts';
import { runIn } from '../support/peers.ts';
import { diskInFile } from '../support/read-source.ts';

const MIB = 2 ** 20;
const DISKS = [noise(2 * MIB, 1), noise(3 * MIB, 2), noise(MIB, 3)];
const IDENTITY = { name: 'web1', uuid: new Uint8Array(16).fill(7), createdAt: 1_700_000_000 };

interface TestSource extends Source {
  readonly counts: { reads: number; closes: number };
}

/** A disk in memory that counts how often it is read and closed. */
function sourceOf(bytes: Buffer, { isSizeKnown = true, failsAt = Infinity } = {}): TestSource {
  const counts = { reads: 0, closes: 0 };
  let at = 0;
  return {
    name: `disk of ${bytes.length}`,
    counts,
    get size() {
      return isSizeKnown || at === bytes.length ? bytes.length : undefined;
    },
    next(buffer) {
      if (at >= failsAt) return Promise.reject(new Error('the disk is sick'));
      const length = bytes.copy(buffer, 0, at);
      const extent = { diskOffset: at, length };
      at += length;
      counts.reads += length;
      return Promise.resolve(length === 0 ? undefined : extent);
    },
    close: () => {
      counts.closes++;
      return Promise.resolve();
    },
  };
}

async function fileIn(cwd: string, name: string, format = raw()) {
  return { format, sink: await fileSink(join(cwd, name)) };
}

describe('encodeMachine', () => {
  test('makes an image of each disk and one of all, from one read of each', async () => {
    const cwd = temporaryFolder();
    const sources = DISKS.map((disk) => sourceOf(disk));
    const disks = await Promise.all(
      sources.map(async (source, index) => ({
        source,
        targets: [await fileIn(cwd, `${index}.qcow2`, qcow2())],
      })),
    );
    const machine = await fileIn(cwd, 'web1.ova', ova());
    const result = await encodeMachine(disks, [machine], { identity: IDENTITY, verify: true });
    expect(sources.map(({ counts }) => counts)).toEqual(
      DISKS.map(({ length }) => ({ reads: length, closes: 1 })),
    );
    expect(result.failures).toEqual([]);
    expect(result.machines.map(({ name }) => name)).toEqual([join(cwd, 'web1.ova')]);
    expect(result.disks.map(({ diskSize }) => diskSize)).toEqual(DISKS.map(({ length }) => length));
    for (const [index, disk] of DISKS.entries()) {
      expect(result.disks[index]!.images.map(({ format }) => format.name)).toEqual(['qcow2']);
      expect((await diskInFile(join(cwd, `${index}.qcow2`))).equals(disk)).toBe(true);
      const ovaDisk = `vmdisk${index + 1}`;
      expect((await diskInFile(join(cwd, 'web1.ova'), { ovaDisk })).equals(disk)).toBe(true);
    }
    expect(runIn(cwd, 'tar', '-tf', 'web1.ova')).toBe(
      'web1.ovf\nweb1.mf\nweb1-disk1.vmdk\nweb1-disk2.vmdk\nweb1-disk3.vmdk\n',
    );
  });

  test('makes the same image of the same machine', async () => {
    const make = async () => {
      const sink = memorySink();
      const disks = DISKS.map((disk) => ({ source: sourceOf(disk), targets: [] }));
      await encodeMachine(disks, [{ format: ova(), sink }], { identity: IDENTITY });
      return Buffer.from(sink.bytes());
    };
    expect((await make()).equals(await make())).toBe(true);
  });

  test('spools a disk of unknown size, which the front of the image states', async () => {
    const cwd = temporaryFolder();
    const [first, second] = DISKS as [Buffer, Buffer];
    const sources = [sourceOf(first), sourceOf(second, { isSizeKnown: false })];
    const disks = sources.map((source) => ({ source, targets: [] }));
    await encodeMachine(disks, [await fileIn(cwd, 'x.ova', ova())]);
    const found = await diskInFile(join(cwd, 'x.ova'), { ovaDisk: 'vmdisk2' });
    expect(found.equals(second)).toBe(true);
  });

  test('reports which disk it is at', async () => {
    const seen: Progress[] = [];
    const disks = DISKS.map((disk) => ({ source: sourceOf(disk), targets: [] }));
    await encodeMachine(disks, [{ format: ova(), sink: memorySink() }], {
      onProgress: (progress) => seen.push(progress),
    });
    const ends = seen.filter(({ phase, done, total }) => phase === 'writing' && done === total);
    expect(ends.map(({ disk }) => disk)).toEqual([1, 2, 3].map((number) => ({ number, count: 3 })));
  });
});

describe('a machine that cannot be finished leaves nothing', () => {
  test('if a later disk fails while it is read', async () => {
    const cwd = temporaryFolder();
    const sources = DISKS.map((disk, index) =>
      sourceOf(disk, { failsAt: index === 1 ? MIB : Infinity }),
    );
    const disks = await Promise.all(
      sources.map(async (source, index) => ({ source, targets: [await fileIn(cwd, `${index}`)] })),
    );
    const machine = await fileIn(cwd, 'x.ova', ova());
    await expect(encodeMachine(disks, [machine])).rejects.toThrow('the disk is sick');
    expect(readdirSync(cwd)).toEqual([]);
    expect(sources.map(({ counts }) => counts.closes)).toEqual([1, 1, 1]);
  });

  test('if it is aborted at the second disk', async () => {
    const cwd = temporaryFolder();
    const abort = new AbortController();
    const sources = DISKS.map((disk) => sourceOf(disk));
    const disks = sources.map((source) => ({ source, targets: [] }));
    const machine = await fileIn(cwd, 'x.ova', ova());
    const made = encodeMachine(disks, [machine], {
      signal: abort.signal,
      onProgress: ({ disk }) => {
        if (disk?.number === 2) abort.abort('SIGINT');
      },
    });
    await expect(made).rejects.toMatchObject({ code: 'aborted' });
    expect(readdirSync(cwd)).toEqual([]);
    expect(sources.map(({ counts }) => counts.closes)).toEqual([1, 1, 1]);
    expect(sources[2]!.counts.reads).toBe(0);
  });

  test.each([
    [
      'holds more disks than the format',
      ova({ diskController: 'ide' }),
      5,
      'has 5 disks, ova holds at most 4',
    ],
    ['is of a format that holds one disk', qcow2(), 2, 'qcow2 holds one disk, not a machine'],
    ['has no disk', ova(), 0, 'no disk was given'],
  ] as const)('if it %s', async (_, format, count, message) => {
    const cwd = temporaryFolder();
    const sources = Array.from({ length: count }, () => sourceOf(DISKS[2]!));
    const disks = sources.map((source) => ({ source, targets: [] }));
    const machine = await fileIn(cwd, 'x', format);
    await expect(encodeMachine(disks, [machine])).rejects.toThrow(message);
    expect(readdirSync(cwd)).toEqual([]);
    expect(sources.every(({ counts }) => counts.closes === 1 && counts.reads === 0)).toBe(true);
  });
});

test('with keepGoing, the images of the disks are finished if that of the machine fails', async () => {
  const cwd = temporaryFolder();
  const full = {
    ...memorySink({ name: 'full' }),
    write: () => Promise.reject(new KexportError('target', 'no space')),
  };
  const disks = await Promise.all(
    DISKS.map(async (disk, index) => ({
      source: sourceOf(disk),
      targets: [await fileIn(cwd, `${index}.raw`)],
    })),
  );
  const machine = { format: ova(), sink: full };
  const result = await encodeMachine(disks, [machine], { keepGoing: true });
  expect(result.machines).toEqual([]);
  expect(result.failures.map(({ target }) => target)).toEqual([machine]);
  for (const [index, disk] of DISKS.entries()) {
    expect(readFileSync(join(cwd, `${index}.raw`)).equals(disk)).toBe(true);
  }
});
