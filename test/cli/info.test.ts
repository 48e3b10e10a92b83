import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FORMATS } from 'kexport/formats';
import { beforeAll, describe, expect, test } from 'vitest';
import { sharedFolder } from '../support/folder.ts';
import { kexport } from '../support/kexport.ts';
import { loopDevice } from '../support/loop-device.ts';
import { describeAsRoot, describeWith, run } from '../support/peers.ts';
import { BOOT_DISK } from '../support/project.ts';

const SIZE = 8 * 2 ** 20;

interface Report {
  readonly format: string;
  readonly subformat?: string;
  readonly virtualSize: number;
  readonly backing?: { readonly file: string };
  readonly partitionTable?: {
    readonly kind: string;
    readonly partitions: readonly object[];
  };
}

describe('kexport info', () => {
  const folder = sharedFolder();
  const info = (...args: string[]) => kexport(['info', ...args], { cwd: folder });
  const json = (...args: string[]) => JSON.parse(info(...args, '--json').stdout) as Report;

  beforeAll(() => {
    // One that is compressed as a whole would round up the disk of the others.
    const formats = Object.entries(FORMATS).filter(([, create]) => !create().packed);
    const list = formats.map(([name]) => name).join();
    const { status } = kexport([list, BOOT_DISK, '--name', 'x', '--output-dir', folder]);
    expect(status).toBe(0);
  });

  test.each([
    ['x.qcow2', 'qcow2', 'version 3'],
    ['x.raw', 'raw', undefined],
    ['x.vhd', 'vhd', 'fixed'],
    ['x.dynamic.vhd', 'vhd', 'dynamic'],
    ['x.vmdk', 'vmdk', 'streamOptimized'],
    ['x.ova', 'ova', 'vmdk streamOptimized'],
  ])('shows format, size and partitions of %s', (name, format, subformat) => {
    const report = json(name);
    expect(report).toMatchObject({ format, virtualSize: SIZE });
    expect(report.subformat).toBe(subformat);
    expect(report.partitionTable?.kind).toBe('gpt');
    expect(report.partitionTable?.partitions).toMatchObject([
      { name: 'ESP', typeName: 'EFI System', content: { kind: 'fat12' } },
      { name: 'root', typeName: 'Linux filesystem', content: { kind: 'ext4' } },
    ]);
  });

  test('prints a line for each fact', () => {
    const { status, stdout, stderr } = info('x.vmdk');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(
      /^image: +x.vmdk\nformat: +vmdk, streamOptimized\nvirtual size: +8.0 MiB/,
    );
    expect(stdout).toMatch(/\nadapter type: +lsilogic\n/);
    const esp = '2.0 MiB at 1.0 MiB, EFI System, "ESP", FAT12 file system, EFI: BOOTX64.EFI';
    const root = '4.0 MiB at 3.0 MiB, Linux filesystem, "root", ext4 file system';
    expect(stdout.replace(/ +/g, ' ')).toContain(`\n 1: ${esp}\n 2: ${root}\n |.`);
    expect(stdout).toMatch(/\n {2}\|\.+\|1 EFI System-+\|2 Linux filesystem-+\|\.+\|\n$/);
    expect(
      Math.max(
        ...stdout
          .split('\n')
          .slice(-2)
          .map(({ length }) => length),
      ),
    ).toBe(79);
  });

  test('takes the format of a file from its name or from --from', () => {
    expect(json('x.vmdk', '--from', 'raw').format).toBe('raw');
    const wrong = info('x.raw', '--from', 'vmdk');
    expect(wrong.status).toBe(1);
    expect(wrong.stderr).toMatch(/^kexport: x.raw: vmdk: the image begins with neither .*\n$/);
  });

  test.each([
    ['a file that is not there', 'gone.qcow2', 'cannot open gone.qcow2: no such file'],
    ['a folder', '.', '. is neither a file nor a block device'],
    ['a named pipe', 'pipe', 'pipe is neither a file nor a block device'],
  ])('fails for %s', (_, name, message) => {
    run('sh', '-c', 'test -p "$0" || mkfifo "$0"', join(folder, 'pipe'));
    const { status, stderr } = info(name);
    expect(status).toBe(1);
    expect(stderr).toMatch(message);
    expect(stderr.split('\n')).toHaveLength(2);
  });

  test('prints no control character of an image', () => {
    const text = '# Disk DescriptorFile\ncreateType="\u001b[2Jx"\nRW 8 ZERO\n';
    writeFileSync(join(folder, 'odd.vmdk'), text);
    expect(info('odd.vmdk').stdout).toContain('vmdk, ?[2Jx');
  });

  describeWith(['qemu-img'], 'of an image with a backing file', () => {
    test('shows the partitions only if that file may be opened', () => {
      const args = ['-q', '-f', 'qcow2', '-F', 'raw', '-b', 'x.raw'];
      run('qemu-img', 'create', ...args, join(folder, 'over.qcow2'));
      const report = json('over.qcow2');
      expect(report.backing?.file).toBe('x.raw');
      expect(report.partitionTable).toBeUndefined();
      expect(info('over.qcow2').stdout).toMatch(/partition table: +unknown: x.raw was not opened/);
      expect(json('over.qcow2', '--allow-backing').partitionTable?.kind).toBe('gpt');
    });
  });

  describeAsRoot('of a device', () => {
    test('shows a raw disk, whatever it begins with', () => {
      const device = loopDevice(join(folder, 'x.qcow2'));
      expect(json(device).format).toBe('raw');
      expect(json(device, '--from', 'qcow2').format).toBe('qcow2');
    });
  });
});
