// Rows of the table "When something goes wrong" in docs/internals.md, each a describe of that name:
// the place of the images.

import { readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { noise, withPartition } from '../../support/disks.ts';
import { folderWith, temporaryFolder } from '../../support/folder.ts';
import { kexport, shell, startKexport } from '../../support/kexport.ts';
import { loopDevice } from '../../support/loop-device.ts';
import { mountedTmpfs } from '../../support/mounted.ts';
import { describeAsRoot } from '../../support/peers.ts';
import { until } from '../../support/until.ts';

const MIB = 2 ** 20;
const disk = withPartition(noise(MIB));

const folderWithDisk = () => folderWith({ disk });

describe('the folder is missing or read-only', () => {
  test('a missing one is reported before the disk is read', () => {
    const cwd = folderWithDisk();
    const { status, stderr } = kexport(['raw', 'disk', '--output-dir', 'out', '--name', 'x'], {
      cwd,
    });
    expect(stderr).toBe(
      'kexport: cannot write out/x.raw.partial: no such file or directory (ENOENT) (create the folder first)\n',
    );
    expect({ status, left: readdirSync(cwd) }).toEqual({ status: 1, left: ['disk'] });
  });

  describeAsRoot('a read-only one', () => {
    test('is reported before the disk is read', () => {
      const target = mountedTmpfs('size=16m,ro');
      const args = ['raw', '-', '--size', '1M', '--output-dir', target, '--name', 'x'];
      const { status, stderr } = kexport(args); // standard input is empty
      expect(stderr).toMatch(/^kexport: cannot write .*read-only file system \(EROFS\).*\n$/);
      expect({ status, left: readdirSync(target) }).toEqual({ status: 1, left: [] });
    });
  });
});

describe('the image, or `NAME.partial`, exists', () => {
  test('the image is replaced only with --force', () => {
    const cwd = folderWithDisk();
    writeFileSync(join(cwd, 'x.raw'), 'old');
    const refused = kexport(['raw', 'disk', '-o', 'x.raw'], { cwd });
    expect(refused.stderr).toBe('kexport: x.raw exists (use --force to replace it)\n');
    expect(refused.status).toBe(1);
    expect(readFileSync(join(cwd, 'x.raw'), 'utf8')).toBe('old');
    expect(kexport(['raw', 'disk', '-o', 'x.raw', '--force'], { cwd }).status).toBe(0);
    expect(statSync(join(cwd, 'x.raw')).size).toBe(disk.length);
  });

  test('no image of the run is begun beside a partial one', () => {
    const cwd = folderWithDisk();
    writeFileSync(join(cwd, 'x.raw.partial'), '');
    const { status, stderr } = kexport(['qcow2,raw', 'disk', '--name', 'x'], { cwd });
    expect(stderr).toContain('x.raw.partial exists: another export is writing it');
    const left = readdirSync(cwd).sort();
    expect({ status, left }).toEqual({ status: 1, left: ['disk', 'x.raw.partial'] });
  });
});

describe('its name is taken while it is written', () => {
  test('the file that took it stays', async () => {
    const cwd = temporaryFolder();
    const { child, ended } = await started(cwd);
    writeFileSync(join(cwd, 'x.raw'), 'of someone else');
    child.stdin.end();
    const { status, stderr } = await ended;
    expect(stderr).toBe('kexport: x.raw exists (use --force to replace it)\n');
    expect({ status, left: readdirSync(cwd) }).toEqual({ status: 1, left: ['x.raw'] });
    expect(readFileSync(join(cwd, 'x.raw'), 'utf8')).toBe('of someone else');
  });
});

describe('two runs to one name', () => {
  test('make one image: the second fails at once, the first goes on', async () => {
    const cwd = temporaryFolder();
    const { child, ended } = await started(cwd);
    const second = kexport(['raw', '-', '--name', 'x', '--size', '1M'], { cwd });
    expect(second.stderr).toContain('x.raw.partial exists');
    expect(second.status).toBe(1);
    child.stdin.end();
    expect((await ended).status).toBe(0);
    expect(readFileSync(join(cwd, 'x.raw')).equals(disk)).toBe(true);
    expect(readdirSync(cwd)).toEqual(['x.raw']);
  });
});

/** Starts an export that waits for the end of its disk. */
async function started(cwd: string) {
  const running = startKexport(['raw', '-', '--name', 'x', '-q'], cwd);
  running.child.stdin.write(disk);
  await until(() => readdirSync(cwd).includes('x.raw.partial'));
  return running;
}

describe('the image is the disk that is read', () => {
  const isLeft = (cwd: string) => readFileSync(join(cwd, 'disk')).equals(disk);

  test('it is refused, also by a link', () => {
    const cwd = folderWithDisk();
    symlinkSync('disk', join(cwd, 'link'));
    const { status, stderr } = kexport(['raw', 'disk', '-o', 'link', '--force'], { cwd });
    expect(stderr).toBe('kexport: link is the disk that is exported\n');
    expect({ status, left: isLeft(cwd) }).toEqual({ status: 1, left: true });
  });

  test('it is refused as the partial image, and redirected', () => {
    const cwd = folderWithDisk();
    writeFileSync(join(cwd, 'x.raw.partial'), disk);
    const partial = kexport(['raw', 'x.raw.partial', '-o', 'x.raw', '--force'], { cwd });
    expect(partial.stderr).toContain('x.raw.partial is the disk that is exported');
    expect(partial.status).toBe(1);
    const redirected = shell('kexport raw - -o disk --force < disk', cwd);
    expect(redirected.stderr).toContain('disk is the disk that is exported');
    expect({ status: redirected.status, left: isLeft(cwd) }).toEqual({ status: 1, left: true });
  });
});

describe('a name is not text in UTF-8', () => {
  test('it is refused, since another file would get it', () => {
    const cwd = folderWithDisk();
    const { status, stderr } = shell("kexport raw disk -o $'\\xff.raw'", cwd);
    expect(stderr).toMatch(/^kexport: "\u{fffd}\.raw" is not text in UTF-8 .*\n$/u);
    expect({ status, left: readdirSync(cwd) }).toEqual({ status: 2, left: ['disk'] });
  });
});

describe('standard output is the disk that is read', () => {
  test.each(['1<> disk', '>> disk'])('it is refused, and the disk is left as it is: %s', (to) => {
    const cwd = folderWithDisk();
    const { status, stderr } = shell(`kexport qcow2 disk -o - ${to}`, cwd);
    expect(stderr).toBe('kexport: standard output is the disk that is exported\n');
    expect(status).toBe(1);
    expect(readFileSync(join(cwd, 'disk')).equals(disk)).toBe(true);
  });
});

describeAsRoot('the image and the disk lie on one another', () => {
  const isLeft = (cwd: string) => readFileSync(join(cwd, 'disk')).equals(disk);

  test('a loop device is not written to its own file, nor a file to its loop device', () => {
    const cwd = folderWithDisk();
    const device = loopDevice(join(cwd, 'disk'));
    for (const args of [
      [device, '-o', 'disk'],
      ['disk', '-o', device],
    ]) {
      const { status, stderr } = kexport(['raw', ...args, '--force'], { cwd });
      expect(stderr).toMatch(/^kexport: .* and .*, the disk that is exported, overlap\n$/);
      expect({ status, left: isLeft(cwd) }).toEqual({ status: 1, left: true });
    }
    const redirected = shell(`kexport raw disk -o - > ${device}`, cwd);
    expect(redirected.stderr).toContain('standard output and disk, the disk that is exported,');
    expect(isLeft(cwd)).toBe(true);
  });

  test('two loop devices of one file overlap, but not of two parts of it', () => {
    const cwd = folderWith({ disk: Buffer.concat([disk, Buffer.alloc(disk.length)]) });
    const size = String(disk.length);
    const first = loopDevice(join(cwd, 'disk'), '--sizelimit', size);
    const second = loopDevice(join(cwd, 'disk'), '--offset', size, '--sizelimit', size);
    expect(kexport(['raw', first, '-o', second, '--force', '-q'], { cwd }).status).toBe(0);
    expect(readFileSync(join(cwd, 'disk')).equals(Buffer.concat([disk, disk]))).toBe(true);
    const whole = loopDevice(join(cwd, 'disk'));
    const refused = kexport(['raw', first, '-o', whole, '--force'], { cwd });
    expect(refused.stderr).toContain(`${whole} and ${first}, the disk that is exported, overlap`);
  });

  test('a device to which a loop device is attached is in use', () => {
    const cwd = folderWith({ disk, file: Buffer.alloc(2 * disk.length) });
    const below = loopDevice(join(cwd, 'file'));
    const above = loopDevice(below);
    const { status, stderr } = kexport(['raw', 'disk', '-o', below, '--force'], { cwd });
    expect(stderr).toContain(`${below} is in use: ${above} has the same bytes (losetup --detach`);
    expect(status).toBe(1);
    expect(readFileSync(join(cwd, 'file')).every((byte) => byte === 0)).toBe(true);
  });
});
