// Disks that end before they should, and what is taken for a disk though it is not one.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { withPartition, noise } from '../support/disks.ts';
import { sharedFolder } from '../support/folder.ts';
import { kexport, kexportOk, shell } from '../support/kexport.ts';

const MIB = 2 ** 20;
const folder = sharedFolder();

/** A disk whose one partition reaches to 4 MiB. */
const whole = withPartition(noise(4 * MIB));
whole.writeUInt32LE((4 * MIB) / 512 - 8, 458); // sectors of the partition, the first of which is 8
const cut = whole.subarray(0, 3 * MIB);
const FOUND = `the disk ends after ${3 * MIB} bytes, but its MBR needs`;

beforeAll(() => {
  writeFileSync(join(folder, 'disk'), whole);
  writeFileSync(join(folder, 'cut'), cut);
  writeFileSync(join(folder, 'cut.img.gz'), gzipSync(cut));
  kexportOk(folder, 'qcow2', 'cut', '-o', 'cut.qcow2');
});

describe('a disk that is cut off', () => {
  test.each(['raw', 'qcow2', 'ova'])('is an error in a pipe, and leaves no %s', (format) => {
    const line = `head -c ${3 * MIB} disk | kexport ${format} - --name piped -q; ls piped* || true`;
    const { stdout, stderr } = shell(line, folder);
    expect(stderr).toContain(`kexport: standard input: ${FOUND}`);
    expect(stderr).toContain('--allow-truncated takes what came');
    expect(stdout).toBe('');
  });

  test('is an error in a gzip file', () => {
    const { status, stderr } = kexport(['raw', 'cut.img.gz', '-o', 'x.raw', '-q'], { cwd: folder });
    expect(stderr).toContain(`kexport: cut.img.gz: ${FOUND}`);
    expect(status).toBe(1);
  });

  test('is taken with --allow-truncated', () => {
    const line = `cat cut | kexport raw - -o - --allow-truncated -q | cmp - cut`;
    expect(shell(line, folder)).toMatchObject({ status: 0, stderr: '' });
  });

  test('is told of in a file, which is exported', () => {
    const { status, stderr } = kexport(['raw', 'cut', '-o', 'told.raw', '-q'], { cwd: folder });
    expect(stderr).toContain(`kexport: warning: ${FOUND}`);
    expect(status).toBe(0);
  });

  test('is not sound for verify', () => {
    const { status, stdout } = kexport(['verify', 'cut.qcow2'], { cwd: folder });
    expect(stdout).toContain(`error: ${FOUND}`);
    expect(status).toBe(1);
  });

  test('is a problem for info', () => {
    expect(kexport(['info', 'cut.qcow2'], { cwd: folder }).stdout).toContain(FOUND);
    const { stdout } = kexport(['info', 'cut.qcow2', '--json'], { cwd: folder });
    expect(JSON.parse(stdout)).toHaveProperty('cutOff', expect.stringContaining(FOUND));
  });

  test('a whole one passes through a pipe, and its image is sound', () => {
    const line = 'cat disk | kexport qcow2 - -o whole.qcow2 -q && kexport verify whole.qcow2';
    expect(shell(line, folder)).toMatchObject({ status: 0, stderr: '' });
  });
});

describe('a pipe that begins like no disk', () => {
  test.each([
    ['a qcow2 image', 'cat cut.qcow2', 'kexport qcow2 disk.qcow2'],
    ['a gzip file', 'cat cut.img.gz', 'say --from gz'],
    ['an xz file', "printf '\\xfd7zXZ\\0'; cat disk", 'put xz -dc into the pipe'],
    ['a bzip2 file', 'printf BZh9; cat disk', 'put bzip2 -dc into the pipe'],
    ['text', 'echo "ssh: connection refused"', 'check the program before the pipe'],
  ])('is read as a disk, with a warning: %s', (kind, program, remedy) => {
    const { status, stderr } = shell(`(${program}) | kexport raw - -o - -q | wc -c`, folder);
    expect(stderr).toContain(
      `kexport: warning: standard input begins like ${kind}, and is read as a raw disk`,
    );
    expect(stderr).toContain(remedy);
    expect(status).toBe(0);
  });

  test('is read without one with --from raw', () => {
    const line = 'cat cut.qcow2 | kexport raw - -o - --from raw -q | cmp - cut.qcow2';
    expect(shell(line, folder)).toMatchObject({ status: 0, stderr: '' });
  });
});

describe('a file that begins like no disk', () => {
  test.each([
    ['web.7z', "7z\xbc\xaf'\x1c", 'a 7-Zip archive', 'unpack it first: 7z x web.7z'],
    ['web.img.bz2', 'BZh91AY', 'a bzip2 file', 'bzip2 -dc web.img.bz2 | kexport qcow2 -'],
    ['web 1.raw.xz', '\xfd7zXZ\0', 'an xz file', "xz -dc 'web 1.raw.xz' | kexport qcow2 -"],
    ['web.qcow2.xz', '\xfd7zXZ\0', 'an xz file', 'unpack it first: xz -dk web.qcow2.xz'],
    ['web.hdd', 'WithoutFreeSpace', 'a Parallels image', 'qemu-img convert -O raw web.hdd'],
    ['web.img', 'Bochs Virtual HD Image', 'a Bochs image', 'qemu-img convert -O raw web.img'],
    ['web.cloop', '#!/bin/sh\n#V2.0 Format\n', 'a cloop image', 'qemu-img convert -O raw'],
    ['web.dmg', '', 'a disk image of macOS', 'qemu-img convert -f dmg -O raw web.dmg'],
    ['web.xml', '<?xml version="1.0"?>\n<Envelope>\n', 'an OVF descriptor', 'must end in .ovf'],
    ['notes.txt', 'Milk, eggs\n', 'text', 'check that this is the file meant'],
  ])('is refused, and the remedy named: %s', (name, head, kind, remedy) => {
    const path = join(folder, name);
    writeFileSync(path, Buffer.from(head.padEnd(600, head.endsWith('\n') ? '\n' : '\0'), 'latin1'));
    for (const words of [
      ['raw', name, '-o', 'x.raw'],
      ['convert', name, 'raw'],
      ['info', name],
    ]) {
      const { status, stderr } = kexport(words, { cwd: folder });
      expect(stderr).toMatch(/it begins like|its name is that of/);
      expect(stderr).toContain(kind);
      expect(stderr).toContain(remedy);
      expect(status).toBe(1);
    }
  });
});
