import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { noise, text, writeDisk } from '../support/disks.ts';
import { folderWith, temporaryFolder } from '../support/folder.ts';
import { kexport, kexportOk } from '../support/kexport.ts';
import { loopDevice } from '../support/loop-device.ts';
import { describeAsRoot, describeWith, run, runIn } from '../support/peers.ts';

const MIB = 2 ** 20;
const BLOCK = 4096;

/** The mapped runs of a map, in bytes: where each begins and ends. */
function runsIn(path: string): [start: number, end: number][] {
  const ranges = readFileSync(path, 'utf8').matchAll(/<Range[^>]*>(\d+)(?:-(\d+))?<\/Range>/g);
  return [...ranges].map(([, first = '', last = first]) => [
    Number(first) * BLOCK,
    (Number(last) + 1) * BLOCK,
  ]);
}

/** Whether a byte of the disk is mapped. */
function isMapped(path: string, diskOffset: number): boolean {
  return runsIn(path).some(([start, end]) => start <= diskOffset && diskOffset < end);
}

describe('--bmap', () => {
  test('leaves out the holes of a file, but not zeros that were written', () => {
    const cwd = temporaryFolder();
    const pieces = [
      { offset: 0, bytes: text(MIB) },
      { offset: 8 * MIB, bytes: Buffer.alloc(MIB) }, // written, so that a file system has a block
    ];
    writeDisk(join(cwd, 'disk'), { size: 24 * MIB, pieces });
    kexportOk(cwd, 'raw,raw.gz', 'disk', '--bmap', '--name', 'x');
    const map = join(cwd, 'x.bmap');
    expect([0, 8 * MIB, 4 * MIB, 20 * MIB].map((at) => isMapped(map, at))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  test('maps all of an image that is converted: it may have left out zeros that count', () => {
    const cwd = temporaryFolder();
    const size = 80 * MIB + 512;
    writeDisk(join(cwd, 'disk'), { size, pieces: [{ offset: 9 * MIB, bytes: noise(5000) }] });
    kexportOk(cwd, 'qcow2', 'disk', '-o', 'x.qcow2');
    kexportOk(cwd, 'convert', 'x.qcow2', 'raw', '--bmap', '-o', 'y.raw');
    const runs = runsIn(join(cwd, 'y.bmap'));
    expect(runs[0]?.[0]).toBe(0);
    runs.slice(1).forEach(([start], i) => expect(start).toBe(runs[i]?.[1]));
    expect(runs.at(-1)?.[1]).toBe(80 * MIB + BLOCK);
  });

  test('is for raw images in files', () => {
    const cwd = folderWith({ disk: text(MIB) });
    expect(kexport(['qcow2', 'disk', '--bmap'], { cwd }).stderr).toContain('--bmap needs');
    expect(kexport(['raw', 'disk', '--bmap', '-o', '-'], { cwd }).status).toBe(2);
  });

  test('fails before the disk is read if the map is there, and leaves nothing', () => {
    const cwd = folderWith({ disk: text(MIB), 'x.bmap': 'old' });
    const { status, stderr } = kexport(['raw', 'disk', '--bmap', '--name', 'x'], { cwd });
    expect([status, stderr]).toEqual([1, expect.stringContaining('x.bmap exists')]);
    expect(runIn(cwd, 'ls')).toBe('disk\nx.bmap\n');
  });
});

describeWith(['bmaptool'], 'a map', () => {
  test('fits its image in each of its blocks', () => {
    const cwd = temporaryFolder();
    const size = 70 * MIB + 3 * 512; // ends within a block
    const pieces = [0, 5 * MIB, size - 700].map((offset) => ({ offset, bytes: noise(700) }));
    writeDisk(join(cwd, 'disk'), { size, pieces });
    kexportOk(cwd, 'qcow2', 'disk', '-o', 'x.qcow2');
    kexportOk(cwd, 'convert', 'x.qcow2', 'raw.gz', '--bmap', '-o', 'x.raw.gz');
    runIn(cwd, 'bmaptool', 'copy', 'x.raw.gz', 'copy'); // checks every checksum
    runIn(cwd, 'cmp', 'copy', 'disk');
  });

  describeAsRoot('of a file system', () => {
    test('copies it onto a device that is full of other data', () => {
      const cwd = temporaryFolder();
      const [disk, device] = [join(cwd, 'disk'), join(cwd, 'device')];
      writeFileSync(disk, '');
      truncateSync(disk, 64 * MIB);
      run('mke2fs', '-q', '-t', 'ext4', '-d', join(import.meta.dirname, '..', 'support'), disk);
      kexportOk(cwd, 'raw.gz', 'disk', '--bmap', '--name', 'x');
      writeFileSync(device, noise(64 * MIB, 7));
      runIn(cwd, 'bmaptool', 'copy', 'x.raw.gz', loopDevice(device));
      run('e2fsck', '-f', '-n', device);
      const file = run('debugfs', '-R', 'cat disks.ts', device);
      expect(file).toBe(
        readFileSync(join(import.meta.dirname, '..', 'support', 'disks.ts'), 'utf8'),
      );
      expect(readFileSync(device).equals(readFileSync(disk))).toBe(false); // not all was written
    });
  });
});
