// What the formats of one run have to do with each other.

import {
  copyFileSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { noise, text } from '../support/disks.ts';
import { temporaryFolder } from '../support/folder.ts';
import { kexport, shell } from '../support/kexport.ts';
import { compareWithRaw, describeWith, run, runForBytes } from '../support/peers.ts';

const MIB = 2 ** 20;
const FIXTURE = join(import.meta.dirname, '..', '..', 'fixtures', 'disk.raw');

/** QEMU's name of each format that it reads. */
const DRIVERS = {
  qcow2: 'qcow2',
  vhd: 'vpc',
  vmdk: 'vmdk',
  'vhd-dynamic': 'vpc',
  vhdx: 'vhdx',
  vdi: 'vdi',
};

function folderWith(disk: Buffer): string {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'disk'), disk);
  return folder;
}

interface Report {
  readonly virtualSize: number;
  readonly images: { format: string; compression?: { windowBits: number } }[];
  readonly failures: { format: string; error: string }[];
  readonly warnings: string[];
}

function report(args: readonly string[], cwd: string, status = 0): Report {
  const outcome = kexport([...args, '--json'], { cwd });
  expect(outcome.status, outcome.stderr).toBe(status);
  return JSON.parse(outcome.stdout) as Report;
}

describeWith(['qemu-img', 'tar'], 'kexport all', () => {
  test('makes five images of the same disk', () => {
    const cwd = temporaryFolder();
    copyFileSync(FIXTURE, join(cwd, 'disk'));
    expect(kexport(['all', 'disk', '--name', 'x'], { cwd }).status).toBe(0);
    expect(readdirSync(cwd).sort()).toEqual([
      'disk',
      'x.ova',
      'x.qcow2',
      'x.raw',
      'x.vhd',
      'x.vmdk',
    ]);
    run('cmp', join(cwd, 'x.raw'), FIXTURE);
    run('tar', '-xf', join(cwd, 'x.ova'), '-C', cwd);
    compareWithRaw('qcow2', join(cwd, 'x.qcow2'), FIXTURE);
    compareWithRaw('vpc', join(cwd, 'x.vhd'), FIXTURE);
    compareWithRaw('vmdk', join(cwd, 'x.vmdk'), FIXTURE);
    compareWithRaw('vmdk', join(cwd, 'x-disk.vmdk'), FIXTURE);
  });

  test('makes the same five from a pipe, which an ova needs spooled', () => {
    const cwd = temporaryFolder();
    const line = `cat ${FIXTURE} | kexport all - --name x`;
    expect(shell(line, cwd)).toMatchObject({ status: 0 });
    run('tar', '-xf', join(cwd, 'x.ova'), '-C', cwd);
    for (const [format, driver] of Object.entries(DRIVERS).slice(0, 3)) {
      compareWithRaw(driver, join(cwd, `x.${format}`), FIXTURE);
    }
    compareWithRaw('vmdk', join(cwd, 'x-disk.vmdk'), FIXTURE);
  });

  const everyFormat = ['vmdk', 'ova', 'vhd', 'vhd-dynamic', 'vhdx', 'vdi'] as const;
  test.each(everyFormat)('sends any image to a pipe: %s', (format) => {
    const cwd = temporaryFolder();
    const known = shell(`kexport ${format} ${FIXTURE} -o - > known`, cwd);
    const unknown = shell(`cat ${FIXTURE} | kexport ${format} - -o - > unknown`, cwd);
    expect([known.status, unknown.status]).toEqual([0, 0]);
    for (const name of ['known', 'unknown']) {
      if (format === 'ova')
        run('tar', '-xf', join(cwd, name), '-C', cwd, '--transform', `s/.*vmdk/${name}.vmdk/`);
      const image = format === 'ova' ? `${name}.vmdk` : name;
      compareWithRaw(format === 'ova' ? 'vmdk' : DRIVERS[format], join(cwd, image), FIXTURE);
    }
  });

  test('makes the same files with 1, 2 and 7 threads', () => {
    const disk = Buffer.concat([text(5 * MIB), Buffer.alloc(MIB), noise(2 * MIB)]);
    const digests = [1, 2, 7].map((threads) => {
      const cwd = folderWith(disk);
      const formats = 'qcow2,raw'; // the others carry the time and a new uuid
      kexport([formats, 'disk', '--name', 'x', '--threads', String(threads)], { cwd });
      return run('sh', '-c', `cd ${cwd} && sha256sum x.qcow2 x.raw`);
    });
    expect(new Set(digests).size).toBe(1);
  });
});

describeWith(['sgdisk', 'qemu-img'], 'a disk that a format must round up', () => {
  /** 97 MiB and 300 KiB with a GPT. */
  function folderWithGpt(): string {
    const folder = folderWith(Buffer.alloc(0));
    truncateSync(join(folder, 'disk'), 97 * MIB + 300 * 1024);
    run('sgdisk', '-n', '1:2048:+90M', '-c', '1:root', join(folder, 'disk'));
    return folder;
  }

  test('is the same in every image, with its GPT moved to the new end', () => {
    const cwd = folderWithGpt();
    const { virtualSize } = report(['all', 'disk', '--name', 'x'], cwd);
    expect(virtualSize).toBe(98 * MIB);
    expect(run('sgdisk', '-v', join(cwd, 'x.raw'))).toContain('No problems found');
    for (const format of ['qcow2', 'vhd', 'vmdk'] as const) {
      compareWithRaw(DRIVERS[format], join(cwd, `x.${format}`), join(cwd, 'x.raw'));
    }
  });

  test('keeps its bytes with --keep-gpt', () => {
    const cwd = folderWithGpt();
    report(['all', 'disk', '--name', 'x', '--keep-gpt'], cwd);
    run(
      'cmp',
      '-n',
      String(statSync(join(cwd, 'disk')).size),
      join(cwd, 'x.raw'),
      join(cwd, 'disk'),
    );
  });

  test('keeps its size with --vhd-align none', () => {
    const cwd = folderWithGpt();
    expect(report(['vhd', 'disk', '--vhd-align', 'none'], cwd).virtualSize).toBe(
      97 * MIB + 300 * 1024,
    );
  });

  test('from a pipe is rounded with a warning', () => {
    const cwd = folderWithGpt();
    const { status, stderr } = shell('cat disk | kexport vhd - -o x.vhd -q', cwd);
    expect(status).toBe(0);
    expect(stderr).toMatch(/^kexport: warning: standard input: rounded up from .*sgdisk -e/);
    expect(stderr.split('\n')).toHaveLength(2);
  });

  test('from a pipe whose size is stated has its GPT moved', () => {
    const cwd = folderWithGpt();
    const size = statSync(join(cwd, 'disk')).size;
    shell(`cat disk | kexport raw,vhd - --name x --size ${size}`, cwd);
    expect(run('sgdisk', '-v', join(cwd, 'x.raw'))).toContain('No problems found');
  });
});

describe('the deflate window', () => {
  test.each([
    ['qcow2', [], 12],
    ['vmdk', [], 15],
    ['ova', [], 15],
    ['qcow2,vmdk', [], 12],
    ['qcow2,vmdk', ['--optimize', 'size'], 15],
    ['vmdk', ['--optimize', 'speed'], 12],
  ])('of %s %s is 2^%d, one for all formats', (formats, options, bits) => {
    const cwd = folderWith(text(MIB));
    const { images } = report([formats, 'disk', '--name', 'x', ...options], cwd);
    for (const { compression } of images) expect(compression?.windowBits).toBe(bits);
  });
});

describeWith(['qemu-img'], 'a qcow2 with a window of 32 KiB', () => {
  test('is read by QEMU', () => {
    const cwd = temporaryFolder();
    const args = ['qcow2', FIXTURE, '-o', 'x.qcow2', '--optimize', 'size'];
    expect(kexport(args, { cwd }).status).toBe(0);
    compareWithRaw('qcow2', join(cwd, 'x.qcow2'), FIXTURE);
  });
});

describe('--checksums', () => {
  test.each(['all', 'qcow2', 'vmdk', 'vhd-dynamic', 'vhdx', 'vhdx --vhdx-fixed', 'vdi'])(
    'writes what sha256sum -c accepts: %s',
    (formats) => {
      const cwd = folderWith(Buffer.concat([text(MIB), Buffer.alloc(3 * MIB), noise(MIB)]));
      report([...formats.split(' '), 'disk', '--name', 'x', '--checksums'], cwd);
      const count = formats === 'all' ? 5 : 1;
      const checked = run('sh', '-c', `cd ${cwd} && sha256sum -c SHA256SUMS`);
      expect(checked.match(/: OK\n/g)).toHaveLength(count);
    },
  );

  test('of images from a pipe too', () => {
    const cwd = folderWith(text(MIB));
    const line = 'cat disk | kexport all - --name x --checksums --zip && sha256sum -c SHA256SUMS';
    expect(shell(line, cwd)).toMatchObject({ status: 0 });
  });

  test('leaves no file if an image fails, and replaces none', () => {
    const cwd = folderWith(text(MIB));
    writeFileSync(join(cwd, 'SHA256SUMS'), 'mine');
    const { status, stderr } = kexport(['raw', 'disk', '--name', 'x', '--checksums'], { cwd });
    expect(status).toBe(1);
    expect(stderr).toContain('SHA256SUMS exists');
    expect(readdirSync(cwd).sort()).toEqual(['SHA256SUMS', 'disk']);
    expect(readFileSync(join(cwd, 'SHA256SUMS'), 'utf8')).toBe('mine');
  });
});

describeWith(['7zz'], '--zip', () => {
  test('puts raw and vhd into archives, and leaves the others', () => {
    const disk = Buffer.concat([text(MIB), Buffer.alloc(3 * MIB), noise(MIB)]);
    const cwd = folderWith(disk);
    report(['all', 'disk', '--name', 'x', '--zip'], cwd);
    expect(readdirSync(cwd).sort()).toEqual([
      'disk',
      'x.ova',
      'x.qcow2',
      'x.raw.zip',
      'x.vhd.zip',
      'x.vmdk',
    ]);
    expect(runForBytes('7zz', 'x', '-so', join(cwd, 'x.raw.zip'), 'x.raw').equals(disk)).toBe(true);
    const vhd = runForBytes('7zz', 'x', '-so', join(cwd, 'x.vhd.zip'), 'x.vhd');
    expect(vhd.subarray(0, disk.length).equals(disk)).toBe(true);
    expect(vhd.subarray(-512, -504).toString()).toBe('conectix');
    expect(run('7zz', 'l', '-slt', join(cwd, 'x.raw.zip'))).toContain('Characteristics = Zip64');
  });

  test('names the image in the archive after the archive', () => {
    const cwd = folderWith(text(MIB));
    report(['raw', 'disk', '-o', 'y.raw.zip', '--zip'], cwd);
    expect(run('7zz', 'l', join(cwd, 'y.raw.zip'))).toMatch(/ y\.raw\n/);
  });

  test('makes no sense for compressed formats alone', () => {
    expect(kexport(['qcow2', FIXTURE, '--zip'])).toMatchObject({ status: 2 });
  });
});

describe('a disk that no import boots', () => {
  test('raises a warning, once, and is exported all the same', () => {
    const cwd = folderWith(text(MIB));
    const { warnings, images } = report(['all', 'disk', '--name', 'x'], cwd);
    expect(warnings).toEqual([expect.stringContaining('the disk has no partition table')]);
    expect(images).toHaveLength(5);
  });

  test('raises none if it boots', () => {
    expect(report(['all', FIXTURE, '--name', 'x'], temporaryFolder()).warnings).toEqual([]);
  });
});

describe('one image that cannot be made', () => {
  const name = 'n'.repeat(120); // more than a member of an archive may have

  test('fails the run, which leaves nothing', () => {
    const cwd = folderWith(text(MIB));
    const { status, stderr } = kexport(['qcow2,ova', 'disk', '--name', name], { cwd });
    expect(status).toBe(1);
    expect(stderr).toMatch(/\nkexport: ova: the name .* at most \d+\n$/);
    expect(readdirSync(cwd)).toEqual(['disk']);
  });

  test('fails alone with --keep-going, and the exit status says so', () => {
    const cwd = folderWith(text(MIB));
    const { images, failures } = report(
      ['qcow2,ova', 'disk', '--name', name, '--keep-going'],
      cwd,
      1,
    );
    expect(images.map(({ format }) => format)).toEqual(['qcow2']);
    expect(failures).toMatchObject([{ format: 'ova' }]);
    expect(readdirSync(cwd).sort()).toEqual(['disk', `${name}.qcow2`]);
  });

  test('of a disk beyond the format is refused before anything is read', () => {
    const cwd = folderWith(Buffer.alloc(0));
    truncateSync(join(cwd, 'disk'), 3 * 2 ** 40);
    const { status, stderr } = kexport(['qcow2,vhd', 'disk', '--name', 'x'], { cwd });
    expect(status).toBe(1);
    expect(stderr).toContain(
      'kexport: vhd: the disk has 3298534883328 bytes, the format holds at most',
    );
    expect(readdirSync(cwd)).toEqual(['disk']);
  });
});

describe('the machine of an ova', () => {
  test('is what the options say', () => {
    const cwd = folderWith(text(MIB));
    const options = [
      '--cpus',
      '2',
      '--memory',
      '8G',
      '--firmware',
      'bios',
      '--vm-name',
      'Web & <1>',
    ];
    report(['ova', 'disk', '-o', 'x.ova', ...options, '--manifest', 'sha1'], cwd);
    const ovf = run('tar', '-xOf', join(cwd, 'x.ova'), 'x.ovf');
    expect(ovf).toContain('<rasd:VirtualQuantity>8192</rasd:VirtualQuantity>');
    expect(ovf).toContain('<rasd:VirtualQuantity>2</rasd:VirtualQuantity>');
    expect(ovf).toContain('Web &amp; &lt;1&gt;');
    expect(ovf).not.toContain('vmw:value="efi"');
    expect(run('tar', '-xOf', join(cwd, 'x.ova'), 'x.mf')).toMatch(
      /^SHA1\(x\.ovf\)= [0-9a-f]{40}\n/,
    );
  });

  test.each([
    [['--memory', '1001'], 'ova: memory is 1001, it must be a multiple of 4'],
    [['--nic', 'ne2000'], "argument 'ne2000' is invalid"],
  ])('is refused where no importer takes it: %s', (options, message) => {
    const { status, stderr } = kexport(['ova', FIXTURE, ...options]);
    expect(stderr).toContain(message);
    expect(status).toBe(2);
  });
});
