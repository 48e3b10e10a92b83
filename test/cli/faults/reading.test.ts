// Rows of the table "When something goes wrong" in docs/internals.md, each a describe of that name:
// a disk that cannot be read, an image that does not read back as what was written.

import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { noise, withPartition } from '../../support/disks.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { kexport, kexportOk, shell, startKexport } from '../../support/kexport.ts';
import { loopDevice } from '../../support/loop-device.ts';
import { describeAsRoot } from '../../support/peers.ts';

const MIB = 2 ** 20;

describe('a read error, a disk that shrinks', () => {
  describeAsRoot('a device with bad sectors', () => {
    test.each(['raw', 'qcow2', 'all'])('gives one line and leaves no file: %s', (formats) => {
      const cwd = temporaryFolder();
      const path = join(cwd, 'sectors');
      writeFileSync(path, withPartition(noise(8 * MIB)));
      const device = loopDevice(path);
      truncateSync(path, 3 * MIB); // the device cannot read what its file lacks
      const { status, stderr } = kexport([formats, device, '--name', 'x', '-q'], { cwd });
      const line = `kexport: cannot read ${device} at byte ${3 * MIB}: i/o error (EIO)\n`;
      expect(stderr.replace(/^kexport: warning: .*\n/, '')).toBe(line);
      expect({ status, left: readdirSync(cwd) }).toEqual({ status: 1, left: ['sectors'] });
    });

    test('in its first sector too', () => {
      const cwd = temporaryFolder();
      const path = join(cwd, 'sectors');
      writeFileSync(path, noise(2 * MIB));
      kexportOk(cwd, 'raw', 'sectors', '-o', 'whole.raw');
      const device = loopDevice(path);
      truncateSync(path, 0);
      const line = new RegExp(`^kexport: .*${device}.* i/o error \\(EIO\\)\n$`);
      const commands: [number, string[]][] = [
        [1, ['qcow2', device, '-o', 'x.qcow2', '-q']],
        [1, ['info', device]],
        [3, ['verify', device, '-q']],
        [3, ['verify', 'whole.raw', '--against', device, '-q']],
      ];
      for (const [expected, words] of commands) {
        const { status, stderr } = kexport(words, { cwd });
        expect({ words, status }).toEqual({ words, status: expected });
        expect(stderr).toMatch(line);
      }
      expect(readdirSync(cwd).sort()).toEqual(['sectors', 'whole.raw']);
    });
  });

  test('a disk that shrinks is an error', async () => {
    const cwd = temporaryFolder();
    const path = join(cwd, 'disk');
    writeFileSync(path, withPartition(noise(32 * MIB)));
    const { child, ended } = startKexport(['raw', 'disk', '-o', '-', '-q'], cwd);
    await new Promise((resolve) => child.stdout.once('readable', resolve));
    truncateSync(path, 16 * MIB); // more than the pipe and the slabs hold
    child.stdout.resume();
    const { status, stderr } = await ended;
    expect(stderr).toMatch(/^kexport: .*disk.* shrank while it was read.*\n$/);
    expect(status).toBe(1);
  });
});

describe('a pipe that is cut off', () => {
  test.each(['raw', 'qcow2,vmdk', 'all'])('is an error and leaves no file: %s', (formats) => {
    const cwd = temporaryFolder();
    const disk = withPartition(noise(MIB));
    disk.writeUInt32LE(MIB / 512 - 8, 458); // sectors of the partition, the first of which is 8
    writeFileSync(join(cwd, 'disk'), disk);
    const line = `(head -c 300000 disk; exit 1) | kexport ${formats} - --name x -q`;
    const { status, stderr } = shell(line, cwd);
    const found = 'the disk ends after 300000 bytes, but its MBR needs 1048576: it is cut off';
    expect(stderr).toContain(`kexport: standard input: ${found}`);
    expect({ status, left: readdirSync(cwd) }).toEqual({ status: 1, left: ['disk'] });
  });
});

describe('a pipe shorter or longer than `--size`', () => {
  test.each([
    ['shorter', '2M', 'ended after 1049088 of 2097152 bytes'],
    ['longer', '1M', 'goes on after 1048576 bytes'],
  ])('%s is an error and leaves no file', (_, size, message) => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, 'disk'), noise(MIB + 512));
    const { status, stderr } = shell(`cat disk | kexport raw - -o x.raw --size ${size}`, cwd);
    expect(stderr).toContain(`kexport: standard input ${message}`);
    expect({ status, left: readdirSync(cwd) }).toEqual({ status: 1, left: ['disk'] });
  });
});

describe('an image reads back wrong (`--verify`)', () => {
  const disk = withPartition(noise(4 * MIB));

  /** Changes one byte of an image after it was written and before it is read back. */
  async function exported(formats: string, damaged: string, ...options: string[]) {
    const cwd = temporaryFolder();
    const args = [formats, '-', '--name', 'x', '--verify', '-q', ...options];
    const { child, ended } = startKexport(args, cwd);
    child.stdin.write(disk);
    const path = join(cwd, `${damaged}.partial`);
    // Noise is stored as it is.
    const at = await writtenAt(path, disk.subarray(2 * MIB, 2 * MIB + 64));
    const file = openSync(path, 'r+');
    writeSync(file, Uint8Array.of(disk.readUInt8(2 * MIB) ^ 1), 0, 1, at);
    closeSync(file);
    child.stdin.end();
    return { ...(await ended), left: readdirSync(cwd).sort() };
  }

  /** Where bytes lie in a file, as soon as they do. */
  async function writtenAt(path: string, bytes: Buffer): Promise<number> {
    for (;;) {
      const at = existsSync(path) ? readFileSync(path).indexOf(bytes) : -1;
      if (at !== -1) return at;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  test.each(['raw', 'qcow2', 'vhd', 'vhd-dynamic', 'vhdx', 'vmdk'])(
    'fails a run whose image was damaged as it was written, and leaves nothing: %s',
    async (format) => {
      const name = `x.${format === 'vhd-dynamic' ? 'dynamic.vhd' : format}`;
      const { status, stderr, left } = await exported(`${format},raw`, name, '--checksums');
      expect(stderr).toMatch(/^kexport: .*(is not what was written|cannot be read back): .*\n$/);
      expect(stderr).toContain(name);
      expect({ status, left }).toEqual({ status: 1, left: [] });
    },
  );

  test('fails alone with --keep-going', async () => {
    const { status, left } = await exported('qcow2,raw', 'x.raw', '--keep-going');
    expect({ status, left }).toEqual({ status: 1, left: ['x.qcow2'] });
  });
});
