// Several disks of one machine, exported and converted together.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { noise, withPartition } from '../support/disks.ts';
import { folderWith, sharedFolder, temporaryFolder } from '../support/folder.ts';
import { kexport, kexportOk, shell, startKexport } from '../support/kexport.ts';
import { compareWithRaw, describeWith, PYTHON, readVma, run, runIn } from '../support/peers.ts';
import { until } from '../support/until.ts';

const KIB = 2 ** 10;
const ROOT = withPartition(noise(512 * KIB, 1));
const DATA = noise(768 * KIB, 2);
const MORE = noise(256 * KIB, 3);

const folder = sharedFolder();

beforeAll(() => {
  for (const [name, disk] of Object.entries({ root: ROOT, data: DATA, more: MORE })) {
    writeFileSync(join(folder, `${name}.img`), disk);
  }
  kexportOk(folder, 'ova,qcow2', 'root.img', 'data.img', 'more.img', '--name', 'web1', '--verify');
});

/** Runs kexport in the folder of the disks. */
function outcomeOf(words: readonly string[], cwd = folder) {
  return kexport(words, { cwd });
}

describeWith([PYTHON], 'a vma of several disks', () => {
  const names = ['root', 'data', 'more'];
  const kept = sharedFolder();
  beforeAll(() => {
    const disks = names.map((name) => join(folder, `${name}.img`));
    kexportOk(kept, 'vma', ...disks, '--name', 'web1', '--verify');
  });

  test('has each at a drive of its own, for a reader as strict as Proxmox', () => {
    const config = readVma(join(kept, 'web1.vma'), kept);
    expect(config).toContain('boot: order=scsi0\n');
    for (const [index, name] of names.entries()) {
      const drive = `scsi${index}`;
      run('cmp', join(kept, `drive-${drive}.raw`), join(folder, `${name}.img`));
      expect(config).toContain(`${drive}: local:100/vm-100-disk-${index}.raw\n`);
      expect(config).toContain(`#qmdump#map:${drive}:drive-${drive}::raw:\n`);
    }
  });

  test('is converted, all disks or one of them, and verified', () => {
    kexportOk(kept, 'convert', 'web1.vma', 'raw', '--name', 'out');
    for (const [index, name] of names.entries()) {
      run('cmp', join(kept, `out-${index + 1}.raw`), join(folder, `${name}.img`));
    }
    kexportOk(kept, 'verify', 'web1.vma', '--ova-disk', 'scsi1', '--against', `${folder}/data.img`);
    const { stdout } = kexport(['verify', 'web1.vma'], { cwd: kept });
    expect(stdout).toContain('of its 3 disks can be read');
  });

  test('has at most as many as Proxmox has drives', () => {
    const disks = Array.from({ length: 7 }, (_, index) => `disk${index}`);
    const cwd = folderWith(Object.fromEntries(disks.map((name) => [name, MORE])));
    const { status, stderr } = kexport(['vma', ...disks, '--disk-controller', 'sata'], { cwd });
    expect(status).toBe(2);
    expect(stderr).toContain('7 disks are given, and vma holds at most 6');
  });
});

describe('kexport FORMATS DISK DISK DISK', () => {
  test('makes one ova of all disks, and a qcow2 of each with its number', () => {
    const made = readdirSync(folder).filter((name) => name.startsWith('web1'));
    expect(made.sort()).toEqual(['web1-1.qcow2', 'web1-2.qcow2', 'web1-3.qcow2', 'web1.ova']);
    const members = [
      'web1.ovf',
      'web1.mf',
      'web1-disk1.vmdk',
      'web1-disk2.vmdk',
      'web1-disk3.vmdk',
    ];
    expect(runIn(folder, 'tar', '-tf', 'web1.ova').trimEnd().split('\n')).toEqual(members);
  });

  test('takes the folder for the images after the disks', () => {
    const cwd = folderWith({ a: ROOT, b: DATA });
    const outputDir = temporaryFolder();
    kexportOk(cwd, 'raw', 'a', 'b', outputDir, '--name', 'x');
    expect(readdirSync(outputDir)).toEqual(['x-1.raw', 'x-2.raw']);
    expect(readFileSync(join(outputDir, 'x-2.raw')).equals(DATA)).toBe(true);
  });

  test('takes one disk from standard input, whose size is known at its end', () => {
    const line = 'cat data.img | kexport ova root.img - -o piped.ova -q';
    expect(shell(line, folder).status).toBe(0);
    kexportOk(folder, 'verify', 'piped.ova', '--ova-disk', 'vmdisk2', '--against', 'data.img');
  });

  test('reports the disks, their sizes and the sums of all images', () => {
    const args = ['ova,raw', 'root.img', 'more.img', '--name', 'json', '--json', '--checksums'];
    const { stdout, status } = outcomeOf(args);
    expect(status).toBe(0);
    const { disks, images } = JSON.parse(stdout) as {
      readonly disks: unknown;
      readonly images: { disk?: number; format: string; file: string; sha256: string }[];
    };
    expect(disks).toEqual([
      { source: 'root.img', sourceSize: 512 * KIB, virtualSize: 512 * KIB },
      { source: 'more.img', sourceSize: 256 * KIB, virtualSize: 256 * KIB },
    ]);
    expect(images.map(({ disk, format, file }) => [disk, format, file])).toEqual([
      [1, 'raw', 'json-1.raw'],
      [2, 'raw', 'json-2.raw'],
      [undefined, 'ova', 'json.ova'],
    ]);
    const sums = images.map(({ file, sha256 }) => `${sha256}  ${file}\n`).join('');
    expect(readFileSync(join(folder, 'SHA256SUMS'), 'utf8')).toBe(sums);
    expect(runIn(folder, 'sha256sum', '-c', 'SHA256SUMS').match(/: OK/g)).toHaveLength(3);
  });

  test('plans images, space and warnings of each disk with --dry-run', () => {
    const { stdout } = outcomeOf([
      'all',
      'root.img',
      'data.img',
      '--name',
      'p',
      '--dry-run',
      '--json',
    ]);
    const { disks, images, warnings } = JSON.parse(stdout) as {
      readonly disks: unknown[];
      readonly images: { disk?: number; format: string; maxSize: number }[];
      readonly warnings: { message: string }[];
    };
    expect(disks).toHaveLength(2);
    expect(images).toHaveLength(9);
    const sizeOf = (format: string, disk?: number) =>
      images.find((image) => image.format === format && image.disk === disk)?.maxSize ?? 0;
    expect(sizeOf('ova')).toBe(sizeOf('vmdk', 1) + sizeOf('vmdk', 2));
    // Only the first need boot.
    expect(warnings.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^root\.img: the disk has no EFI system partition/),
    ]);
  });
});

describe('a machine that cannot be made', () => {
  test.each([
    [
      'one file for several',
      ['qcow2', 'root.img', 'data.img', '-o', 'x.qcow2'],
      'one of each of 2 disks',
    ],
    ['one disk twice', ['ova', 'root.img', 'root.img'], 'root.img is given twice'],
    ['one disk by two names', ['ova', 'root.img', './root.img'], './root.img is given twice'],
    ['standard input twice', ['ova', '-', '-'], 'standard input is given twice'],
    ['the size of one', ['ova', 'root.img', 'data.img', '--size', '2M'], '--size is for one disk'],
    [
      'more than its controllers take',
      ['ova', 'web1.ova', 'data.img', 'root.img', '--disk-controller', 'ide'],
      '5 disks are given, and ova holds at most 4 (--disk-controller lsilogic',
    ],
    [
      'a disk or folder that is not there',
      ['ova', 'root.img', 'nowhere'],
      'nowhere is neither a disk nor a folder',
    ],
    [
      'a disk behind the formats',
      ['root.img', 'ova', 'data.img'],
      'data.img is not a folder for the images',
    ],
  ])('is a mistake: %s', (_, words, message) => {
    const before = readdirSync(folder);
    const { status, stderr } = outcomeOf(words);
    expect(stderr).toContain(message);
    expect(status).toBe(2);
    expect(readdirSync(folder)).toEqual(before);
  });

  test('does not write onto its second disk', () => {
    const cwd = folderWith({ root: ROOT, data: DATA });
    const { stderr } = outcomeOf(['ova', 'root', 'data', '-o', 'data', '--force'], cwd);
    expect(stderr).toContain('data is the disk that is exported');
    expect(readFileSync(join(cwd, 'data')).equals(DATA)).toBe(true);
  });

  test('leaves nothing if its second disk cannot be opened', () => {
    const cwd = folderWith({ a: ROOT, b: Buffer.alloc(0) });
    expect(outcomeOf(['ova,qcow2', 'a', 'b', '--name', 'x'], cwd).stderr).toContain('b is empty');
    expect(readdirSync(cwd)).toEqual(['a', 'b']);
  });

  test('leaves nothing after Ctrl-C', async () => {
    const cwd = folderWith({ a: ROOT, b: DATA });
    // So slow that it is still at its first disk.
    const words = ['qcow2,ova', 'a', 'b', '--name', 'x', '--limit-rate', '50K'];
    const { child, ended } = startKexport(words, cwd);
    await until(() => readdirSync(cwd).length > 3);
    child.kill('SIGINT');
    expect((await ended).status).toBe(130);
    expect(readdirSync(cwd)).toEqual(['a', 'b']);
  });
});

describe('an ova of several disks', () => {
  test('is described with all of its disks', () => {
    const { stdout } = outcomeOf(['info', 'web1.ova', '--json']);
    const { virtualSize, disks } = JSON.parse(stdout) as {
      readonly virtualSize: number;
      readonly disks: readonly { name: string; virtualSize: number }[];
    };
    expect(virtualSize).toBe(ROOT.length);
    expect(disks.map(({ name, virtualSize: size }) => [name, size])).toEqual([
      ['vmdisk1', ROOT.length],
      ['vmdisk2', DATA.length],
      ['vmdisk3', MORE.length],
    ]);
    const text = outcomeOf(['info', 'web1.ova']).stdout;
    expect(text).toMatch(/^disk: +vmdisk3\nvirtual size: +256\.0 KiB/m);
  });

  test('is verified with all of its disks', () => {
    const { stdout } = outcomeOf(['verify', 'web1.ova']);
    const all = ROOT.length + DATA.length + MORE.length;
    expect(stdout).toBe(`web1.ova: sound, all ${all} bytes of its 3 disks can be read\n`);
    const archive = readFileSync(join(folder, 'web1.ova'));
    const last = archive.lastIndexOf('KDMV') - 8192; // within a grain of the last disk
    archive.writeUInt8(archive.readUInt8(last) ^ 1, last);
    writeFileSync(join(folder, 'broken.ova'), archive);
    const broken = outcomeOf(['verify', 'broken.ova']);
    expect(broken.stdout).toContain('error: vmdisk3: ');
    expect(broken.status).toBe(1);
  });

  test('is not compared with one disk, unless one of its own is chosen', () => {
    const { status, stderr } = outcomeOf(['verify', 'web1.ova', '--against', 'root.img']);
    expect(stderr).toContain('has 3 disks (vmdisk1, vmdisk2, vmdisk3), and one can be compared');
    expect(stderr).toContain('--ova-disk vmdisk1');
    expect(status).toBe(2);
  });

  test('keeps its disks as an ova, and gives an image of each in other formats', () => {
    const outputDir = temporaryFolder();
    kexportOk(folder, 'convert', 'web1.ova', 'ova,raw', outputDir);
    const names = ['web1-1.raw', 'web1-2.raw', 'web1-3.raw', 'web1.ova'];
    expect(readdirSync(outputDir)).toEqual(names);
    for (const [index, disk] of [ROOT, DATA, MORE].entries()) {
      expect(readFileSync(join(outputDir, `web1-${index + 1}.raw`)).equals(disk)).toBe(true);
    }
    const { stdout } = kexport(['verify', 'web1.ova'], { cwd: outputDir });
    expect(stdout).toContain('its 3 disks can be read');
  });

  test('gives one image of the disk that is chosen', () => {
    const outputDir = temporaryFolder();
    kexportOk(folder, 'convert', 'web1.ova', 'raw', outputDir, '--ova-disk', 'vmdisk2');
    expect(readdirSync(outputDir)).toEqual(['web1.raw']);
    expect(readFileSync(join(outputDir, 'web1.raw')).equals(DATA)).toBe(true);
  });

  test('can be unpacked: its OVF is read with the disks beside it', () => {
    const cwd = temporaryFolder();
    run('tar', '-xf', join(folder, 'web1.ova'), '-C', cwd);
    expect(kexport(['verify', 'web1.ovf'], { cwd }).stdout).toContain(
      'web1-disk3.vmdk were not opened',
    );
    const verified = kexport(['verify', 'web1.ovf', '--allow-backing'], { cwd });
    expect(verified.stdout).toContain('of its 3 disks can be read');
    kexportOk(cwd, 'convert', 'web1.ovf', 'raw', '--allow-backing', '--name', 'x');
    expect(readFileSync(join(cwd, 'x-3.raw')).equals(MORE)).toBe(true);
  });
});

describeWith(['qemu-img'], 'QEMU', () => {
  test('finds each image equal to its disk', () => {
    for (const [index, name] of ['root', 'data', 'more'].entries()) {
      const image = join(folder, `web1-${index + 1}.qcow2`);
      compareWithRaw('qcow2', image, join(folder, `${name}.img`));
    }
  });
});

test('a disk that is redirected to standard input is verified, too', () => {
  // Once read, it must not be closed: what is opened next would get its number.
  const line = 'kexport qcow2 - -o redirected.qcow2 --verify -q < root.img';
  expect(shell(line, folder)).toMatchObject({ status: 0, stderr: '' });
});
