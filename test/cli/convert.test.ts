import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { noise, text, withPartition, writeDisk } from '../support/disks.ts';
import { sharedFolder, temporaryFolder } from '../support/folder.ts';
import { kexport, kexportOk, shell } from '../support/kexport.ts';

const SIZE = 3 * 2 ** 20;

const folder = sharedFolder();
const disk = join(folder, 'disk.img');
const image = join(folder, 'disk.qcow2');

beforeAll(() => {
  const bytes = withPartition(Buffer.concat([text(100_000), noise(200_000)]));
  writeDisk(disk, { size: SIZE, pieces: [{ offset: 0, bytes }] });
  kexportOk(folder, 'qcow2', disk, '-o', image);
});

describe('kexport convert', () => {
  test('makes images of the disk in an image', () => {
    const target = temporaryFolder();
    const { status } = kexport(['convert', image, 'raw,vmdk', target, '--name', 'web1']);
    expect(status).toBe(0);
    expect(readdirSync(target)).toStrictEqual(['web1.raw', 'web1.vmdk']);
    expect(readFileSync(join(target, 'web1.raw')).equals(readFileSync(disk))).toBe(true);
  });

  test('takes a redirected image if --from says what it is', () => {
    const { status } = shell(`kexport raw - --from qcow2 -o redirected.raw < disk.qcow2`, folder);
    expect(status).toBe(0);
    expect(readFileSync(join(folder, 'redirected.raw')).equals(readFileSync(disk))).toBe(true);
  });

  test('refuses a qcow2 in a pipe, since it needs random access', () => {
    const { status, stderr } = shell(
      'cat disk.qcow2 | kexport raw - --from qcow2 -o x.raw',
      folder,
    );
    expect(stderr).toBe(
      'kexport: qcow2 cannot be read from standard input: it is not read front to back ' +
        '(put it into a file first)\n',
    );
    expect(status).toBe(2);
  });
});

describe('the format of a file', () => {
  test.each([
    ['disk.qcow2', 'disk.raw', 'is not a raw disk: it begins like a qcow2 image'],
    ['disk.qcow2', 'noextension', 'say --from qcow2 if it is that'],
    ['disk.img', 'other.qcow2', 'does not begin with "QFI"'],
  ])('is not guessed against its name: %s called %s', (from, name, reason) => {
    const target = temporaryFolder();
    copyFileSync(join(folder, from), join(target, name));
    const { status, stderr } = kexport(['raw', join(target, name), '-o', join(target, 'out')]);
    expect(stderr).toContain(reason);
    expect(status).toBe(1);
  });

  test('is the one that --from says', () => {
    const path = join(temporaryFolder(), 'noextension');
    copyFileSync(image, path);
    const { status } = kexport(['raw', path, '--from', 'qcow2', '-o', `${path}.raw`]);
    expect(status).toBe(0);
    expect(readFileSync(`${path}.raw`).equals(readFileSync(disk))).toBe(true);
  });
});
