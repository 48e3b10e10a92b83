// streamOptimized VMDKs and an appliance as VirtualBox and open-vmdk write them.

import { readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { noise } from '../support/disks.ts';
import { folderWith } from '../support/folder.ts';
import { kexport } from '../support/kexport.ts';
import { compareWithRaw, runForBytes, runIn, testWith } from '../support/peers.ts';
import { BOOT_DISK } from '../support/project.ts';
import { openVmdkStream, virtualboxStream } from '../support/stream-vmdk.ts';
import { virtualboxOva } from '../support/virtualbox-ova.ts';

const MIB = 2 ** 20;
const fixture = readFileSync(BOOT_DISK);

/** Three tables, nothing in the second; the last grain is not whole. */
const long = Buffer.alloc(70 * MIB + 3 * 512);
fixture.copy(long);
noise(5000).copy(long, 66 * MIB + 100);
noise(700).copy(long, long.length - 700);

const DISKS = { 'a small disk': fixture, 'a disk that ends within a grain': long };

interface Report {
  readonly subformat: string;
  readonly virtualSize: number;
  readonly details: Readonly<Record<string, unknown>>;
}

function infoOf(cwd: string, name: string): Report {
  return JSON.parse(kexport(['info', name, '--json'], { cwd }).stdout) as Report;
}

describe.each([
  ['VirtualBox', virtualboxStream],
  ['open-vmdk', openVmdkStream],
])('a streamOptimized VMDK of %s', (program, write) => {
  describe.each(Object.entries(DISKS))('of %s', (_, disk) => {
    const image = write(disk);

    const folderOf = (bytes: Buffer) => folderWith({ 'x.vmdk': bytes, disk });
    const verify = (bytes: Buffer) =>
      kexport(['verify', 'x.vmdk', '--against', 'disk'], { cwd: folderOf(bytes) });

    test('is sound, and the same disk', () => {
      expect(verify(image)).toMatchObject({ status: 0, stderr: '' });
      expect(infoOf(folderOf(image), 'x.vmdk')).toMatchObject({
        subformat: 'streamOptimized',
        virtualSize: disk.length,
        details: { version: 3, grainSize: 65_536 },
      });
    });

    testWith(['qemu-img'], 'is the same disk to QEMU, as large as its header says', () => {
      const cwd = folderOf(image);
      // QEMU goes by the header, in which VirtualBox rounds the capacity up.
      const capacity = Number(image.readBigUInt64LE(12)) * 512;
      truncateSync(join(cwd, 'disk'), capacity);
      compareWithRaw('vmdk', join(cwd, 'x.vmdk'), join(cwd, 'disk'));
      expect(capacity - disk.length).toBeLessThan(65_536);
    });

    test('is found damaged if it was cut off', () => {
      const { status, stdout, stderr } = verify(image.subarray(0, image.length * 0.9));
      expect(stdout + stderr).toMatch(/ends at|no footer/);
      expect(status).toBe(program === 'VirtualBox' ? 3 : 1);
    });

    test('is found damaged if a bit of a compressed grain was flipped', () => {
      const broken = Buffer.from(image);
      const first = image.indexOf('\x78\x9c', 40_000, 'latin1');
      broken.writeUInt8(broken.readUInt8(first + 40) ^ 4, first + 40);
      expect(verify(broken).status).toBe(1);
    });
  });
});

describe('a streamOptimized VMDK', () => {
  test('is found damaged if its descriptor states a size outside of the last grain', () => {
    const image = virtualboxStream(fixture);
    const at = image.indexOf('RDONLY 16384 ');
    image.write('RDONLY 16256 ', at); // a whole grain less
    const { status, stdout } = kexport(['verify', 'x.vmdk'], {
      cwd: folderWith({ 'x.vmdk': image }),
    });
    expect(stdout).toMatch(/error: the descriptor has 1 extents of 8323072 bytes, the header/);
    expect(status).toBe(1);
  });
});

describe('an appliance of VirtualBox', () => {
  const disks = Object.values(DISKS);
  const vmdks = disks.map(virtualboxStream);
  const ova = virtualboxOva(
    disks.map(({ length: capacity }, i) => ({ vmdk: vmdks[i]!, capacity })),
  );

  const folderOf = (bytes: Buffer) =>
    folderWith({ 'box.ova': bytes, disk1: DISKS['a small disk'], disk2: long });

  test.each(['1', '2'])('is sound, and gives its disk %s', (number) => {
    const args = ['--ova-disk', `vmdisk${number}`, '--against', `disk${number}`];
    const cwd = folderOf(ova);
    expect(kexport(['verify', 'box.ova', ...args], { cwd })).toMatchObject({
      status: 0,
      stderr: '',
    });
  });

  test('is described with its machine and its disks', () => {
    expect(infoOf(folderOf(ova), 'box.ova').details).toMatchObject({
      machine: 'box',
      hardware: 'virtualbox-2.2',
      cpus: 2,
      memory: '2048 MiB',
      controllers: expect.stringContaining('AHCI') as unknown,
      networkCards: 'E1000',
      disks: [
        `box-disk001.vmdk (vmdisk1): vmdk streamOptimized of ${fixture.length} bytes`,
        `box-disk002.vmdk (vmdisk2): vmdk streamOptimized of ${long.length} bytes`,
      ],
    });
  });

  test('is found changed by its manifest, and damaged where it is', () => {
    const broken = Buffer.from(ova);
    const at = broken.lastIndexOf('KDMV'); // the footer of the second disk
    broken.writeUInt8(7, at + 4);
    const { status, stdout } = kexport(['verify', 'box.ova'], { cwd: folderOf(broken) });
    expect(stdout).toMatch(/^error: box-disk002.vmdk has the digest \w{40}, the manifest /m);
    expect(stdout).toMatch(
      /^error: the disk vmdisk2 cannot be read: vmdk: \w+ is \d+ in the footer/m,
    );
    expect(status).toBe(1);
  });

  testWith(['7zz'], 'has its members in the eyes of others, the manifest last', () => {
    const cwd = folderOf(ova);
    const names = ['box.ovf', 'box-disk001.vmdk', 'box-disk002.vmdk', 'box.mf'];
    expect(runIn(cwd, 'tar', 'tf', 'box.ova').trim().split('\n')).toEqual(names);
    expect(runIn(cwd, '7zz', 't', '-ttar', 'box.ova')).toContain('Everything is Ok');
    for (const [i, name] of names.slice(1, 3).entries()) {
      const theirs = runForBytes('7zz', 'x', '-so', '-ttar', join(cwd, 'box.ova'), name);
      expect(theirs.equals(vmdks[i]!)).toBe(true);
    }
  });
});
