import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { diskWithBlocks, writeDisk } from '../support/disks.ts';
import { sharedFolder } from '../support/folder.ts';
import { kexport, kexportOk } from '../support/kexport.ts';
import { describeWith, run, runIn } from '../support/peers.ts';

const MIB = 2 ** 20;

interface Extent {
  readonly start: number;
  readonly length: number;
  readonly offset?: number;
  readonly zero: boolean;
  readonly data: boolean;
}

/** What QEMU has had in every version of `map`. */
function comparable(json: string): Extent[] {
  return (JSON.parse(json) as (Extent & { depth: number })[]).map(
    ({ start, length, depth, zero, data, offset }) => ({
      ...{ start, length, depth, zero },
      data: data && !zero, // of a hole in a flat image QEMU says both
      ...(offset !== undefined && { offset }),
    }),
  );
}

describeWith(['qemu-img'], 'kexport info --map', () => {
  const folder = sharedFolder(existsSync('/dev/shm') ? '/dev/shm' : undefined); // exact about holes
  const file = (name: string) => join(folder, name);
  const mapOf = (name: string, ...args: string[]) => {
    const { status, stdout, stderr } = kexport(['info', name, '--map', ...args], { cwd: folder });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    return stdout;
  };
  const mapByQemu = (name: string, format: string) =>
    run('qemu-img', 'map', '-f', format, '--output=json', file(name));

  beforeAll(() => {
    writeDisk(file('disk.raw'), diskWithBlocks(40 * MIB, [0, 1, 17, 20, 21, 300, 639]));
    kexportOk(folder, 'qcow2,vhd,vhd-dynamic,vmdk', 'disk.raw', '--name', 'ours');
    const convert = (...args: string[]) =>
      runIn(folder, 'qemu-img', 'convert', '-f', 'raw', 'disk.raw', '-O', ...args);
    convert('qcow2', 'plain.qcow2');
    convert('vmdk', 'plain.vmdk');
    convert('vmdk', '-o', 'subformat=monolithicFlat', 'flat.vmdk');
    convert('vpc', 'plain.vhd');
    const args = ['-q', '-f', 'qcow2', '-F', 'qcow2', '-b', 'plain.qcow2'];
    run('qemu-img', 'create', ...args, file('over.qcow2'), '48M');
    const written = ['-c', 'write 2M 64k', '-c', 'write -z 0 64k', '-c', 'write 44M 1M'];
    run('qemu-io', ...written, file('over.qcow2'));
  });

  test.each([
    ['disk.raw', 'raw'],
    ['ours.qcow2', 'qcow2'],
    ['ours.vhd', 'vpc'],
    ['ours.dynamic.vhd', 'vpc'],
    ['ours.vmdk', 'vmdk'],
    ['plain.qcow2', 'qcow2'],
    ['plain.vmdk', 'vmdk'],
    ['flat.vmdk', 'vmdk'],
    ['plain.vhd', 'vpc'],
  ])('lists of %s what qemu-img map lists', (name, format) => {
    const args = name === 'flat.vmdk' ? ['--allow-backing'] : [];
    const extents = comparable(mapOf(name, '--json', ...args));
    expect(extents).toEqual(comparable(mapByQemu(name, format)));
    expect(extents.some(({ data }) => data)).toBe(true);
    expect(extents.some(({ zero }) => zero)).toBe(true);
  });

  test('tells the images of a chain apart by their depth, like qemu-img', () => {
    const map = comparable(mapOf('over.qcow2', '--allow-backing', '--json'));
    expect(map).toEqual(comparable(mapByQemu('over.qcow2', 'qcow2')));
  });

  test.each(['disk.raw', 'plain.qcow2'])('prints the table of qemu-img for %s', (name) => {
    expect(mapOf(name)).toBe(runIn(folder, 'qemu-img', 'map', name));
  });

  test('names compressed data as such, where qemu-img gives up', () => {
    expect(mapOf('ours.qcow2')).toMatch(/\n0x110000 {8}0x10000 {9}compressed {6}ours.qcow2\n/);
  });

  test('needs the backing file', () => {
    const { status, stderr } = kexport(['info', 'over.qcow2', '--map'], { cwd: folder });
    expect(status).toBe(1);
    expect(stderr).toMatch(/over.qcow2 needs another file, .*--allow-backing/);
  });

  test('is refused for what is not an image', () => {
    const { status, stderr } = kexport(['info', '-', '--map'], { cwd: folder });
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: 'kexport: --map is for images and disks, and - is read as a zfs send stream\n',
    });
  });
});
