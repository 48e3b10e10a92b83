// How the words of a command line are understood, and the errors for those that make no sense.

import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { noise, withPartition } from '../support/disks.ts';
import { sharedFolder, temporaryFolder } from '../support/folder.ts';
import { kexport } from '../support/kexport.ts';

const folder = sharedFolder();

beforeAll(() => {
  for (const name of ['a.raw', 'b.raw', 'c.raw', 'img']) {
    writeFileSync(join(folder, name), withPartition(noise(2 ** 20)));
  }
  mkdirSync(join(folder, 'out'));
});

describe('a list of formats', () => {
  test.each([
    ['in capitals', ['QCOW2,Raw', 'a.raw'], ['x.qcow2', 'x.raw']],
    ['with blanks', ['qcow2, raw', 'a.raw'], ['x.qcow2', 'x.raw']],
    ['with a comma at its end', ['raw,', 'a.raw'], ['x.raw']],
    ['with a name of QEMU', ['vpc', 'a.raw'], ['x.vhd']],
    ['with an extension', ['img', 'a.raw'], ['x.raw']],
    ['before a disk that is called like one', ['raw', 'img'], ['x.raw']],
  ])('is understood %s', (_, args, made) => {
    const target = temporaryFolder();
    const all = [...args, '--name', 'x', '--output-dir', target, '-q'];
    expect(kexport(all, { cwd: folder })).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(readdirSync(target).sort()).toEqual(made);
  });
});

/** The line that words are refused with, as a mistake of usage. */
function refusalOf(args: readonly string[]): string {
  const { status, stdout, stderr } = kexport(args, { cwd: folder });
  expect(stderr.split('\n')).toHaveLength(2);
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  return stderr;
}

describe('what users of qemu-img type exits 2 with what does it here', () => {
  test.each([
    ['a command', ['check', 'a.raw'], 'unknown format or command "check" (kexport verify IMAGE)'],
    [
      'an option',
      ['convert', '-O', 'qcow2', 'a.raw', 'x.qcow2'],
      'unknown option -O (the format is a word of its own: kexport qcow2 DISK -o FILE)',
    ],
    [
      'two names',
      ['convert', 'a.raw', 'x.qcow2'],
      'no format is given: neither a.raw nor x.qcow2 is one (kexport qcow2 a.raw -o x.qcow2)',
    ],
    [
      'the name of the image at the end',
      ['qcow2', 'a.raw', 'x.qcow2'],
      'x.qcow2 is neither a disk nor a folder for the images (to say what the image is called: -o x.qcow2)',
    ],
    [
      'that of a converted one',
      ['convert', 'a.raw', 'qcow2', 'x.qcow2'],
      'x.qcow2 is not a folder for the images (to say what the image is called: -o x.qcow2)',
    ],
    [
      'an address to read from',
      ['raw', 'nbd://host/disk'],
      'nothing is read from nbd://host/disk (disks and images are read from s3://, gs:// and https://, and a raw disk from a pipe)',
    ],
  ])('%s', (_, args, line) => {
    expect(refusalOf(args)).toBe(`kexport: ${line}\n`);
  });
});

describe('words that make no sense exit 2 with one line', () => {
  test.each([
    [
      'a mistyped format',
      ['qcwo2', 'a.raw'],
      'unknown format or command "qcwo2" (did you mean qcow2?)',
    ],
    [
      'one in a list',
      ['raw,vmkd', 'a.raw'],
      'unknown format "vmkd" in raw,vmkd (did you mean vmdk?)',
    ],
    [
      'a mistyped command',
      ['inof', 'a.raw'],
      'unknown format or command "inof" (did you mean info?)',
    ],
    ['neither', ['frobnicate', 'a.raw'], 'command "frobnicate" (give one or several of qcow2,raw,'],
    [
      'a blank between formats',
      ['qcow2,', 'raw', 'a.raw'],
      'two lists of formats are given: qcow2, and raw',
    ],
    [
      'two lists',
      ['qcow2', 'raw'],
      'two lists of formats are given: qcow2 and raw (write one list',
    ],
    ['a disk alone', ['a.raw'], 'no format is given for a.raw (kexport all a.raw;'],
    ['a device alone', ['/dev/sdx'], 'no format is given for /dev/sdx (kexport all /dev/sdx;'],
    ['disks alone', ['a.raw', 'b.raw'], 'no format is given: neither a.raw nor b.raw is one'],
    [
      'two disks in one file',
      ['raw', 'a.raw', 'b.raw', '-o', 'x.raw'],
      '-o x.raw names one file, and raw makes one of each of 2 disks (use --output-dir',
    ],
    [
      'two images',
      ['convert', 'raw', 'a.raw', 'b.raw'],
      'b.raw: one image is converted at a time (several disks of one machine',
    ],
    [
      'images',
      ['convert', 'a.raw', 'vhd', 'out', 'b.raw'],
      'convert: unexpected argument "b.raw" (one image',
    ],
    [
      'a mistyped format of convert',
      ['convert', 'a.raw', 'vdh'],
      'unknown format "vdh" (did you mean vhd?)',
    ],
    ['help on nothing', ['help', 'inof'], 'there is no help on "inof" (did you mean info?)'],
  ])('%s', (_, args, message) => {
    expect(refusalOf(args)).toContain(message);
  });
});

describe('kexport help', () => {
  test.each([
    [['help'], ['--help']],
    [
      ['help', 'verify'],
      ['verify', '--help'],
    ],
    [
      ['help', 'help'],
      ['help', '--help'],
    ],
  ])('%j is %j', (help, option) => {
    const { status, stdout, stderr } = kexport(help);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toBe(kexport(option).stdout);
    expect(stdout).toMatch(/^Usage: kexport /);
  });
});

describe('convert names the images like the image', () => {
  test.each([
    ['a.raw', 'a.qcow2'],
    ['web.example.com.raw', 'web.example.com.qcow2'],
    ['noextension', 'noextension.qcow2'],
    ['.hidden', expect.stringMatching(/^kldload-export-.*\.qcow2$/)],
  ])('%s as %s', (name, made) => {
    const cwd = temporaryFolder();
    const source = temporaryFolder();
    copyFileSync(join(folder, 'a.raw'), join(source, name));
    const { status } = kexport(['convert', join(source, name), 'qcow2', '-q'], { cwd });
    expect(status).toBe(0);
    expect(readdirSync(cwd)).toEqual([made]);
  });

  test('unless a name is given', () => {
    const cwd = temporaryFolder();
    const args = ['convert', join(folder, 'a.raw'), 'raw', '-q'];
    kexport([...args, '--name', 'b'], { cwd });
    kexport(args, { cwd, env: { KEXPORT_NAME: 'c' } });
    expect(readdirSync(cwd).sort()).toEqual(['b.raw', 'c.raw']);
  });

  test('and never replaces it', () => {
    const cwd = temporaryFolder();
    copyFileSync(join(folder, 'a.raw'), join(cwd, 'a.raw'));
    const { status, stderr } = kexport(['convert', 'a.raw', 'raw', '--force'], { cwd });
    expect(stderr).toContain('a.raw is the disk that is exported');
    expect(status).toBe(1);
  });
});

describe('several images', () => {
  beforeAll(() => {
    const args = ['qcow2,vmdk', 'a.raw', '--name', 'x', '--output-dir', '.', '-q'];
    expect(kexport(args, { cwd: folder }).status).toBe(0);
    copyFileSync(join(folder, 'b.raw'), join(folder, 'broken.qcow2'));
  });

  test('are described one after another', () => {
    const { status, stdout } = kexport(['info', 'x.qcow2', 'x.vmdk'], { cwd: folder });
    expect(status).toBe(0);
    expect(stdout).toMatch(/^image: +x\.qcow2\n[^]*\n\nimage: +x\.vmdk\n/);
  });

  test('are a document of JSON each', () => {
    const { stdout } = kexport(['info', 'x.qcow2', 'x.vmdk', '--json'], { cwd: folder });
    const documents = stdout.split(/^(?=\{$)/m).map((text) => JSON.parse(text) as { file: string });
    expect(documents.map(({ file }) => file)).toEqual(['x.qcow2', 'x.vmdk']);
  });

  test('are verified to the last, whatever is wrong with the first', () => {
    const args = ['verify', 'broken.qcow2', 'x.qcow2', 'nowhere', 'x.vmdk', '--against', 'a.raw'];
    const { status, stdout, stderr } = kexport(args, { cwd: folder });
    expect(stderr).toMatch(/^kexport: .*broken\.qcow2.*\nkexport: cannot open nowhere: .*\n$/);
    expect(stdout).toMatch(/^x\.qcow2: sound, .* a\.raw\nx\.vmdk: sound, .* a\.raw\n$/);
    expect(status).toBe(3);
  });

  test('are told apart where they differ', () => {
    writeFileSync(join(folder, 'd.raw'), withPartition(noise(2 ** 20, 2)));
    const args = ['verify', 'x.qcow2', 'a.raw', '--against', 'd.raw'];
    const { status, stdout } = kexport(args, { cwd: folder });
    expect(stdout).toBe(
      'x.qcow2: error: the disk differs from d.raw at byte 0\n' +
        'a.raw: error: the disk differs from d.raw at byte 0\n',
    );
    expect(status).toBe(1);
  });
});
