import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
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

describe('kexport verify', () => {
  test('exits with 0 for a sound image', () => {
    const { status, stdout } = kexport(['verify', image]);
    expect(stdout).toBe(`${image}: sound, all ${SIZE} bytes of the disk can be read\n`);
    expect(status).toBe(0);
  });

  test.each(['empty.raw', 'empty.raw.gz'])('finds nothing in a file without a byte: %s', (name) => {
    const path = join(temporaryFolder(), name);
    writeFileSync(path, '');
    for (const command of ['verify', 'info']) {
      const { status, stderr } = kexport([command, path]);
      expect(stderr).toContain(`${path} is empty: it has no byte to read`);
      expect(status).toBe(command === 'verify' ? 3 : 1);
    }
  });

  test('names the first byte that differs', () => {
    const other = join(temporaryFolder(), 'other.img');
    const bytes = readFileSync(disk);
    bytes.writeUInt8(bytes.readUInt8(250_001) ^ 1, 250_001);
    bytes.writeUInt8(1, SIZE - 1);
    writeFileSync(other, bytes);
    const { status, stdout } = kexport(['verify', image, '--against', other, '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ sound: false, differsAt: 250_001 });
    expect(status).toBe(1);
  });

  test.each([0, 65_536, 2 ** 20, SIZE - 1])('finds a byte among zeros: %i', (at) => {
    const other = join(temporaryFolder(), 'other.img');
    const bytes = Buffer.alloc(SIZE);
    writeFileSync(other, bytes);
    const empty = join(temporaryFolder(), 'empty.qcow2');
    expect(kexport(['qcow2', other, '-o', empty]).status).toBe(0);
    expect(kexport(['verify', empty, '--against', other]).status).toBe(0);
    bytes.writeUInt8(1, at);
    writeFileSync(other, bytes);
    const { status, stdout } = kexport(['verify', empty, '--against', other]);
    expect(stdout).toContain(`at byte ${at}\n`);
    expect(status).toBe(1);
  });

  test('finds a byte in what is left after whole pages', () => {
    const folder = temporaryFolder();
    const bytes = noise(65_536 + 512);
    writeFileSync(join(folder, 'one.img'), bytes);
    bytes.writeUInt8(bytes.readUInt8(66_000) ^ 1, 66_000);
    writeFileSync(join(folder, 'other.img'), bytes);
    const args = ['verify', 'one.img', '--against', 'other.img'];
    const { status, stdout, stderr } = kexport(args, { cwd: folder });
    expect(stdout, stderr).toContain('at byte 66000\n');
    expect(status).toBe(1);
  });

  test('exits with 1 for damaged data, and says where', () => {
    const broken = join(temporaryFolder(), 'broken.qcow2');
    const bytes = readFileSync(image);
    bytes.fill(0xff, 131_072 + 100, 131_072 + 400); // the first compressed cluster
    writeFileSync(broken, bytes);
    const { status, stdout } = kexport(['verify', broken]);
    expect(stdout).toContain('the deflate stream at 0x20000 is damaged');
    expect(status).toBe(1);
  });

  test.each([['nothere.qcow2'], ['disk.img', '--from', 'qcow2']])(
    'exits with 3 for what cannot be read: %s',
    (name, ...options) => {
      const { status, stderr } = kexport(['verify', join(folder, name), ...options]);
      expect(stderr).toMatch(/^kexport: .*\n$/);
      expect(status).toBe(3);
    },
  );
});

describe('--verify', () => {
  test('reads the images back and gives them their names', () => {
    const target = temporaryFolder();
    kexportOk(target, 'qcow2,raw', disk, '--name', 'x', '--verify', '--checksums');
    expect(readdirSync(target)).toStrictEqual(['SHA256SUMS', 'x.qcow2', 'x.raw']);
  });

  test('is refused for an image in a pipe', () => {
    const line = 'kexport raw disk.img -o - --verify | cat > /dev/null; echo "${PIPESTATUS[0]}"';
    const { stdout, stderr } = shell(line, folder);
    expect(stderr).toContain('cannot be read back to verify it');
    expect(stdout).toBe('2\n');
  });
});
