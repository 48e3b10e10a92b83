import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { timestamp } from '../../src/cli/print/timestamp.ts';
import { DISKS, noise, text, withPartition, writeDisk } from '../support/disks.ts';
import { folderWith, temporaryFolder } from '../support/folder.ts';
import { kexport, shell } from '../support/kexport.ts';
import { compareImage, describeWith } from '../support/peers.ts';

const MIB = 2 ** 20;

/** A folder with a disk in it, `disk.img`. */
function folderWithDisk(
  disk = withPartition(Buffer.concat([text(MIB), Buffer.alloc(MIB)])),
): string {
  return folderWith({ 'disk.img': disk });
}

function files(folder: string): string[] {
  return readdirSync(folder).sort();
}

describe('kexport FORMATS DISK', () => {
  test('names images by date in the current folder', () => {
    const cwd = folderWithDisk();
    const { status, stdout, stderr } = kexport(['qcow2,raw', 'disk.img'], { cwd });
    expect(status).toBe(0);
    expect(stdout).toBe('');
    const [, image, raw] = files(cwd);
    expect(image).toMatch(/^kldload-export-\d{8}-\d{6}\.qcow2$/);
    expect(raw).toBe(image?.replace('.qcow2', '.raw'));
    expect(stderr).toMatch(/^FORMAT +FILE +VIRTUAL SIZE +SIZE ON DISK +TIME +COMPRESSION\nqcow2 /);
  });

  test.each([[], ['--force']])(
    'chooses another name if that of this second is taken %s',
    (...force) => {
      const cwd = folderWithDisk();
      const now = Date.now();
      for (let second = 0; second < 60; second++) {
        const name = `kldload-export-${timestamp(new Date(now + second * 1000))}`;
        writeFileSync(join(cwd, `${name}.raw`), 'of another run');
        writeFileSync(join(cwd, `${name}-2.qcow2.partial`), 'of a third');
      }
      const before = files(cwd);
      const { status } = kexport(['qcow2,raw', 'disk.img', '-q', ...force], { cwd });
      expect(status).toBe(0);
      const made = files(cwd).filter((name) => !before.includes(name));
      expect(made).toHaveLength(2);
      for (const name of made) expect(name).toMatch(/^kldload-export-\d{8}-\d{6}-3\.(qcow2|raw)$/);
    },
  );

  test('takes the disk first, in the order of kldload', () => {
    const cwd = folderWithDisk();
    const { status } = kexport(['disk.img', 'raw', '.', '--name', 'x'], { cwd });
    expect(status).toBe(0);
    expect(files(cwd)).toEqual(['disk.img', 'x.raw']);
  });

  test('takes the name from KEXPORT_NAME, and from --name before that', () => {
    const cwd = folderWithDisk();
    const env = { KEXPORT_NAME: 'web1' };
    kexport(['raw', 'disk.img'], { cwd, env });
    kexport(['raw', 'disk.img', '--name', 'web2'], { cwd, env });
    expect(files(cwd)).toEqual(['disk.img', 'web1.raw', 'web2.raw']);
  });

  test('prints its report as JSON with --json', () => {
    const cwd = folderWithDisk();
    const { stdout, stderr } = kexport(['raw', 'disk.img', '-o', 'x.raw', '--json'], { cwd });
    expect(JSON.parse(stdout)).toMatchObject({
      source: 'disk.img',
      sourceSize: 2 * MIB,
      virtualSize: 2 * MIB,
      images: [{ format: 'raw', file: 'x.raw', fileSize: 2 * MIB, sizeOnDisk: MIB }],
    });
    expect(stderr).toBe('');
  });

  test('says nothing with --quiet', () => {
    const cwd = folderWithDisk();
    expect(kexport(['raw', 'disk.img', '--quiet'], { cwd })).toEqual({
      status: 0,
      stdout: '',
      stderr: '',
    });
  });

  test('pads a disk to whole sectors and says so', () => {
    const cwd = folderWithDisk(Buffer.alloc(1000, 0xeb));
    const { stderr } = kexport(['raw', 'disk.img', '-o', 'x.raw'], { cwd });
    expect(stderr).toContain('the disk is rounded up by 24 bytes of zeros\n');
    expect(readFileSync(join(cwd, 'x.raw'))).toEqual(
      Buffer.concat([Buffer.alloc(1000, 0xeb), Buffer.alloc(24)]),
    );
  });

  test('refuses a file that is an image, unless --from says that it is a raw disk', () => {
    const cwd = folderWithDisk(Buffer.from('QFI\xfb'.padEnd(1024, '\0'), 'latin1'));
    const { status, stderr } = kexport(['raw', 'disk.img', '-o', 'x.raw'], { cwd });
    expect(status).toBe(1);
    expect(stderr).toMatch(/disk.img is not a raw disk: it begins like a qcow2 image/);
    expect(kexport(['raw', 'disk.img', '-o', 'x.raw', '--from', 'raw'], { cwd }).status).toBe(0);
  });

  test.each([
    ['gzip', '\x1f\x8b', '(say --from gz for what is in it; if it is a raw disk after all'],
    [
      'zstd',
      '\x28\xb5\x2f\xfd',
      '(say --from zst for what is in it; if it is a raw disk after all',
    ],
    [
      'a QED',
      'QED\0',
      '(convert it first: qemu-img convert -O raw disk.img disk.raw; if it is a raw disk after all',
    ],
    ['a VHDX', 'vhdxfile', '(say --from vhdx if it is that, --from raw if it is a raw disk)'],
  ])('says how else the disk in a file is read: %s', (_, magic, hint) => {
    const cwd = folderWithDisk(Buffer.from(magic.padEnd(1024, '\0'), 'latin1'));
    const { status, stderr } = kexport(['raw', 'disk.img', '-o', 'x.raw'], { cwd });
    expect(stderr).toContain(hint);
    expect(status).toBe(1);
  });

  test.each([
    ['nothing', [], 'missing argument FORMATS (usage: kexport FORMATS [DISK...] [OUTDIR]'],
    ['no disk', ['qcow2'], '(give one: kexport qcow2 /dev/sdX'],
    ['the format of no disk', ['raw', '--from', 'qcow2'], '--from needs a DISK, and none is given'],
    ['no snapshot of no disk', ['raw', '--no-snapshot'], '--no-snapshot needs a DISK'],
    [
      'an unknown format',
      ['qcow3', 'x'],
      'unknown format or command "qcow3" (did you mean qcow2?)',
    ],
    ['an unknown option', ['raw', 'x', '--fast'], 'unknown option --fast (see --help-all)'],
    ['a level of 10', ['qcow2', 'x', '--level', '10'], 'level 10 of zlib is not 1 to 9'],
    [
      'a size of nothing',
      ['raw', 'x', '--size', '0'],
      '--size: "0" is not a size such as 10G or 512M',
    ],
    [
      'one file for two formats',
      ['raw,qcow2', 'x', '-o', 'y'],
      '-o y names one file, and 2 formats are given',
    ],
    ['a name with a folder', ['raw', 'x', '--name', 'a/b'], '"a/b" is not a file name'],
    [
      'JSON and image to stdout',
      ['raw', 'x', '-o', '-', '--json'],
      'both write to standard output',
    ],
    ['a folder as the image', ['raw', 'disk.img', '-o', '.'], '. is a folder, not a file to write'],
  ])('exits 2 for a request that makes no sense: %s', (_, args, message) => {
    const { status, stdout, stderr } = kexport(args, { cwd: folderWithDisk() });
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/^kexport: .*\n$/);
    if (!args.includes('--json')) expect(stdout).toBe('');
    expect(status).toBe(2);
  });

  test.each([
    ['no such disk', 'nowhere', 'cannot open nowhere: no such file or directory (ENOENT)'],
    ['a folder', '.', '. is a folder, not a disk'],
    ['an empty file', 'empty', 'empty is empty: it has no byte to read'],
    ['a device without a size', '/dev/zero', '/dev/zero is a character device and has no size'],
  ])('exits 1 with one line for a disk that cannot be read: %s', (_, disk, message) => {
    const cwd = folderWithDisk();
    writeFileSync(join(cwd, 'empty'), '');
    const { status, stderr } = kexport(['raw', disk, '-o', 'x.raw'], { cwd });
    expect(stderr).toContain(`kexport: ${message}`);
    expect(stderr.split('\n').length).toBe(2);
    expect(status).toBe(1);
    expect(files(cwd)).toEqual(['disk.img', 'empty']);
  });

  test('prints help and version on stdout', () => {
    expect(kexport(['--help'])).toMatchObject({ status: 0, stderr: '' });
    expect(kexport(['--version']).stdout).toMatch(/^kexport \d+\.\d+\.\d+\n/);
  });

  test('shows options that are seldom needed only with --help-all', () => {
    expect(kexport(['--help']).stdout).not.toContain('--nic');
    expect(kexport(['qcow2', '--help-all'])).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('--nic') as string,
    });
  });
});

describeWith(['qemu-img'], 'standard input', () => {
  const disk = DISKS[2]!; // 1 MiB and a sector
  const cases = [
    ['a pipe', 'cat disk | kexport qcow2 - -o x.qcow2'],
    ['a pipe of stated size', 'cat disk | kexport qcow2 - -o x.qcow2 --size 1049088'],
    ['a redirected file', 'kexport qcow2 - -o x.qcow2 < disk'],
    ['a named pipe', 'mkfifo p; (sleep 0.2; cat disk > p) & kexport qcow2 p -o x.qcow2'],
    ['a process substitution', 'kexport qcow2 <(cat disk) -o x.qcow2'],
    ['a pipe that trickles', '(head -c 1000; sleep 0.1; cat) < disk | kexport qcow2 - -o x.qcow2'],
    ['a pipe, the image to stdout', 'cat disk | kexport qcow2 - -o - | cat > x.qcow2'],
    ['a pipe, the image to a file by stdout', 'cat disk | kexport qcow2 - -o - > x.qcow2'],
  ];

  test.each(cases)('is exported: %s', (_, line) => {
    const cwd = temporaryFolder();
    writeDisk(join(cwd, 'disk'), disk);
    expect(shell(line, cwd)).toMatchObject({ status: 0 });
    compareImage('qcow2', join(cwd, 'x.qcow2'), join(cwd, 'disk'));
  });

  test('is exported from where the shell left a redirected file', () => {
    const cwd = folderWithDisk(Buffer.concat([Buffer.alloc(4096, 'x'), noise(MIB)]));
    const line = '(dd bs=4096 count=1 of=/dev/null status=none; kexport raw - -o x.raw) < disk.img';
    expect(shell(line, cwd).status).toBe(0);
    expect(readFileSync(join(cwd, 'x.raw')).equals(noise(MIB))).toBe(true);
  });

  test('is an error if it is empty', () => {
    const cwd = temporaryFolder();
    const { status, stderr } = shell('true | kexport raw - -o x.raw', cwd);
    expect(status).toBe(1);
    expect(stderr).toBe('kexport: standard input is empty: no byte came\n');
    expect(files(cwd)).toEqual([]);
  });
});

describe('standard output', () => {
  test('gets a raw disk as it is read, with its zeros', () => {
    const cwd = folderWithDisk();
    expect(shell('kexport raw disk.img -o - | cmp - disk.img', cwd)).toMatchObject({ status: 0 });
  });

  test('gets an image that must be patched by way of TMPDIR', () => {
    const cwd = folderWithDisk();
    const { status, stderr } = shell('TMPDIR=/nowhere kexport qcow2 disk.img -o - | wc -c', cwd);
    expect(status).toBe(0); // of wc
    expect(stderr).toMatch(/cannot spool the image in \/nowhere: no such file .*set TMPDIR/);
  });
});

describe('options before the name of a command', () => {
  const disk = () => folderWithDisk();

  test.each([
    [['-q', 'verify', 'disk.img'], /^$/],
    [['--threads', '2', '--quiet', 'verify', 'disk.img'], /^$/],
    [['--json', 'info', 'disk.img'], /^\{\n {2}"file": "disk.img",/],
    [['--allow-backing', 'info', 'disk.img'], /^image: +disk.img\n/],
    [['--help', 'info'], /^Usage: kexport info /],
    [['--version', 'info'], /^kexport \d+\.\d+\.\d+\n/],
  ])('are those of the command: %j', (args, expected) => {
    const { status, stdout, stderr } = kexport(args, { cwd: disk() });
    expect(stderr).toBe('');
    expect(stdout).toMatch(expected);
    expect(status).toBe(0);
  });

  test('are refused if the command does not have them', () => {
    const { status, stderr } = kexport(['--level', '9', 'info', 'disk.img'], { cwd: disk() });
    expect(stderr).toMatch(
      /^kexport: info: --level is not accepted here \(see kexport info --help\)\n$/,
    );
    expect(status).toBe(2);
  });

  test('take a value that is called like a command', () => {
    const cwd = disk();
    expect(kexport(['-q', '-o', 'info', 'raw', 'disk.img'], { cwd }).status).toBe(0);
    expect(files(cwd)).toEqual(['disk.img', 'info']);
  });
});
