// Disks in gzip files and zip archives.

import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateRawSync, gunzipSync, gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { openSource } from '../../src/open/open-source.ts';
import { crc32 } from '../../src/runtime/crc32.ts';
import { noise, text, withPartition, writeDisk } from '../support/disks.ts';
import { folderWith, sharedFolder, temporaryFolder } from '../support/folder.ts';
import { kexport, kexportOk, shell } from '../support/kexport.ts';
import { describeWith, runForBytes, runIn, testWith } from '../support/peers.ts';
import { HAS_ZSTD } from '../support/zstd.ts';

const SIZE = 5 * 2 ** 20;

const folder = sharedFolder();
const disk = join(folder, 'disk.raw');
let bytes: Buffer;

beforeAll(() => {
  const start = withPartition(Buffer.concat([text(100_000), noise(1_200_000)]));
  const pieces = [
    { offset: 0, bytes: start },
    { offset: SIZE - 3000, bytes: text(3000) },
  ];
  writeDisk(disk, { size: SIZE, pieces });
  bytes = readFileSync(disk);
  writeFileSync(join(folder, 'disk.raw.gz'), gzipSync(bytes));
  kexportOk(folder, 'raw,vhd', disk, '--zip', '--name', 'ours');
});

/** Expects these arguments to export the disk. */
function expectDisk(args: string[], cwd = folder): void {
  const target = join(temporaryFolder(), 'out.raw');
  const { status, stderr } = kexport([...args, '-o', target, '-q'], { cwd });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  expect(readFileSync(target).equals(bytes)).toBe(true);
}

/** Expects one line with the reason, and no file. */
function expectRefused(name: string, content: Uint8Array, reason: string, ...more: string[]): void {
  const target = folderWith({ [name]: content });
  const args = ['convert', name, 'raw', '-o', 'out', '-q', ...more];
  const { status, stderr } = kexport(args, { cwd: target });
  expect(stderr).toContain(reason);
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  expect(status).toBe(1);
  expect(readdirSync(target)).toStrictEqual([name]);
}

describe('the disk in a gzip file', () => {
  test('is read by the name of the file', () => {
    expectDisk(['convert', 'disk.raw.gz', 'raw']);
  });

  test('is read for formats that must know its size beforehand', () => {
    const image = join(temporaryFolder(), 'x.vmdk');
    kexportOk(folder, 'convert', 'disk.raw.gz', 'vmdk', '-o', image);
    kexportOk(folder, 'verify', image, '--against', disk);
  });

  test('is read from a pipe', () => {
    const line = 'cat disk.raw.gz | kexport raw - --from gz -o piped.raw -q';
    expect(shell(line, folder)).toMatchObject({ status: 0, stderr: '' });
    expect(readFileSync(join(folder, 'piped.raw')).equals(bytes)).toBe(true);
  });

  test('may be in several members', () => {
    const halves = [bytes.subarray(0, 2_000_000), bytes.subarray(2_000_000)];
    const members = halves.map((half) => gzipSync(half));
    writeFileSync(join(folder, 'members.img.gz'), Buffer.concat(members));
    expectDisk(['raw', 'members.img.gz']);
  });

  test('may be a fixed vhd, whose footer is left out', () => {
    kexportOk(folder, 'vhd', disk, '-o', 'disk.vhd');
    writeFileSync(join(folder, 'disk.vhd.gz'), gzipSync(readFileSync(join(folder, 'disk.vhd'))));
    kexportOk(folder, 'raw', 'disk.vhd.gz', '-o', 'from-vhd.raw');
    kexportOk(folder, 'verify', 'disk.vhd', '--against', 'from-vhd.raw');
  });

  test.each<[string, (gzip: Buffer) => Buffer, string]>([
    ['cut off', (gzip) => gzip.subarray(0, -100_000), 'unexpected end of file'],
    ['cut off in its CRC-32', (gzip) => gzip.subarray(0, -6), 'unexpected end of file'],
    [
      'of another CRC-32',
      (gzip) => Buffer.concat([gzip.subarray(0, -8), Buffer.alloc(4), gzip.subarray(-4)]),
      'incorrect data check',
    ],
    [
      'with text after it',
      (gzip) => Buffer.concat([gzip, Buffer.from('garbage')]),
      'incorrect header check',
    ],
    [
      'with zeros and another after it',
      (gzip) => Buffer.concat([gzip, Buffer.alloc(2 ** 21), gzip]),
      'other bytes follow',
    ],
  ])('%s is refused', (_, damage, reason) => {
    expectRefused('disk.raw.gz', damage(gzipSync(bytes)), reason);
  });

  test('must have the size that is stated', () => {
    expectRefused('x.raw.gz', gzipSync(bytes), 'not the size stated', '--size', '4M');
  });

  test('must not be an image', () => {
    const qcow2 = join(folder, 'disk.qcow2');
    kexportOk(folder, 'qcow2', disk, '-o', qcow2);
    expectRefused('disk.qcow2.gz', gzipSync(readFileSync(qcow2)), 'begins like a qcow2 image');
  });

  test('must have a footer if its name says vhd', () => {
    expectRefused('disk.vhd.gz', gzipSync(bytes), 'no footer');
  });

  test('is closed when the source is, also while it is read', async () => {
    const path = join(folder, 'disk.raw.gz');
    const isOpen = () =>
      readdirSync('/proc/self/fd').some((fd) => {
        const link = join('/proc/self/fd', fd);
        return existsSync(link) && readlinkSync(link) === path;
      });
    const source = await openSource(path);
    const reading = source.next(new Uint8Array(65_536)).catch(() => undefined);
    expect(isOpen()).toBe(true);
    await source.close();
    expect(isOpen()).toBe(false);
    await reading;
  });

  testWith(['gzip'], 'made by gzip is read', () => {
    runIn(folder, 'sh', '-c', 'gzip -c disk.raw > by-gzip.raw.gz');
    expectDisk(['raw', 'by-gzip.raw.gz']);
  });
});

describe('disk.raw in a tar.gz', () => {
  /** A tar.gz of files in a folder, made by GNU tar. */
  function tarOf(cwd: string, ...words: string[]): Buffer {
    return runForBytes('tar', '-C', cwd, '-cz', ...words);
  }

  test('of ours is read back; the disk has grown to 1 GiB', () => {
    kexportOk(folder, 'gce', disk, '-o', 'ours.tar.gz', '--verify');
    kexportOk(folder, 'verify', 'ours.tar.gz', '--against', disk);
    kexportOk(folder, 'convert', 'ours.tar.gz', 'qcow2', '-o', 'from-gce.qcow2');
    kexportOk(folder, 'verify', 'from-gce.qcow2', '--against', disk);
  });

  test.each([
    ['dense, behind the manifest of a licence', ['--format=gnu', 'manifest.json', 'disk.raw']],
    ['sparse, as Google documents it', ['--format=oldgnu', '-S', 'disk.raw']],
    ['in a folder of its own', ['--format=gnu', './disk.raw']],
  ])('is read as GNU tar makes it: %s', (_, words) => {
    writeFileSync(join(folder, 'manifest.json'), '{}');
    writeFileSync(join(folder, 'by-tar.tar.gz'), tarOf(folder, ...words));
    expectDisk(['raw', 'by-tar.tar.gz']);
  });

  test('may have many holes', () => {
    const cwd = temporaryFolder();
    const pieces = Array.from({ length: 60 }, (_, i) => ({
      offset: i * 2 ** 16,
      bytes: noise(4096),
    }));
    writeDisk(join(cwd, 'disk.raw'), { size: 2 ** 23, pieces });
    writeFileSync(join(cwd, 'x.tar.gz'), tarOf(cwd, '--format=oldgnu', '-S', 'disk.raw'));
    kexportOk(cwd, 'verify', 'x.tar.gz', '--against', 'disk.raw');
  });

  test('is read from a pipe if --from says so', () => {
    writeFileSync(join(folder, 'x.tar.gz'), tarOf(folder, '--format=gnu', 'disk.raw'));
    const line = 'cat x.tar.gz | kexport raw - --from gce -o from-pipe.raw -q';
    expect(shell(line, folder)).toMatchObject({ status: 0, stderr: '' });
    expect(readFileSync(join(folder, 'from-pipe.raw')).equals(bytes)).toBe(true);
  });

  test.each([
    ['of another file', (tar: Buffer) => tar, ['disk.raw.gz'], 'is a tar that has no disk.raw'],
    ['of pax', (tar: Buffer) => tar, ['--format=pax', 'disk.raw'], 'has a pax header'],
    ['cut off', (tar: Buffer) => tar.subarray(0, -999), ['disk.raw'], 'unexpected end of file'],
    [
      'cut off within',
      (tar: Buffer) => gzipSync(gunzipSync(tar).subarray(0, 2 ** 20)),
      ['disk.raw'],
      'it ends within disk.raw',
    ],
    ['no tar', () => gzipSync(noise(5000)), ['disk.raw'], 'no valid tar header at 0'],
  ])('%s is refused', (_, damage, words, reason) => {
    expectRefused('x.tar.gz', damage(tarOf(folder, ...words)), reason);
  });
});

describe.runIf(HAS_ZSTD)('the disk in a zstd file', () => {
  test('of ours is read back, whose frames are many', () => {
    kexportOk(folder, 'raw.zst', disk, '-o', 'ours.raw.zst', '--verify');
    expectDisk(['convert', 'ours.raw.zst', 'raw']);
  });

  describeWith(['zstd'], 'made by zstd', () => {
    test('is read, from a file and from a pipe', () => {
      runIn(folder, 'zstd', '-q', '-19', 'disk.raw', '-o', 'by-zstd.raw.zst');
      expectDisk(['raw', 'by-zstd.raw.zst']);
      const line = 'zstd -qc disk.raw | kexport raw - --from zst -o from-zst.raw -q';
      expect(shell(line, folder)).toMatchObject({ status: 0, stderr: '' });
      expect(readFileSync(join(folder, 'from-zst.raw')).equals(bytes)).toBe(true);
    });

    test.each<[string, (file: Buffer) => Buffer, string]>([
      ['cut off', (file) => file.subarray(0, -9), 'it ends within a frame'],
      ['with text after it', (file) => Buffer.concat([file, Buffer.from('text')]), 'is damaged'],
    ])('is refused if it is %s', (_, damage, reason) => {
      const file = runForBytes('zstd', '-qc', disk);
      expectRefused('x.raw.zst', damage(file), reason);
    });
  });
});

test.skipIf(HAS_ZSTD)('a zstd file is refused where Node has no zstd, with a way out', () => {
  const frame = Buffer.from('28b52ffd2000010000', 'hex');
  expectRefused('x.raw.zst', frame, 'zstd -d FILE');
});

describe('the disk in a zip archive', () => {
  test('of ours is read, raw and vhd', () => {
    expectDisk(['convert', 'ours.raw.zip', 'raw']);
    kexportOk(folder, 'convert', 'ours.vhd.zip', 'raw', '-o', 'from-zip.raw');
    const found = readFileSync(join(folder, 'from-zip.raw'));
    expect(found.subarray(0, SIZE).equals(bytes)).toBe(true);
    expect(found.subarray(SIZE).every((byte) => byte === 0)).toBe(true); // up to vhd's geometry
  });

  test('is read under any name if --from says so', () => {
    writeFileSync(join(folder, 'noname'), zipOf({}));
    expectDisk(['raw', 'noname', '--from', 'zip']);
  });

  test('may be stored', () => {
    writeFileSync(join(folder, 'stored.zip'), zipOf({ method: 0 }));
    expectDisk(['raw', 'stored.zip']);
  });

  test.each<[string, Uint8Array | (() => Uint8Array), string]>([
    ['cut off', () => zipOf({}).subarray(0, -1000), 'no directory at its end'],
    ['with other bytes after it', () => Buffer.concat([zipOf({}), Buffer.alloc(9)]), 'follow it'],
    ['of another CRC-32', () => zipOf({ crc: 7 }), 'has the CRC-32'],
    ['of another size', () => zipOf({ size: SIZE + 512 }), 'has the size'],
    ['larger than it says', () => zipOf({ size: SIZE - 512 }), 'has at least the size'],
    ['encrypted', () => zipOf({ flags: 1 }), 'is encrypted'],
    ['compressed by another method', () => zipOf({ method: 14 }), 'packed by method 14'],
    ['of two entries', () => zipOf({ count: 2 }), 'has 2 entries'],
    ['whose data lie elsewhere', () => zipOf({ localOffset: 2 ** 30 }), 'its local header'],
    ['with bytes in its entry', () => zipOf({ padding: 700 }), 'other bytes follow'],
  ])('%s is refused', (_, content, reason) => {
    const archive = typeof content === 'function' ? content() : content;
    expectRefused('disk.zip', archive, reason);
  });

  test('is not read from a pipe', () => {
    const { status, stderr } = shell('cat ours.raw.zip | kexport raw - --from zip -o x', folder);
    expect(stderr).toContain('not read front to back');
    expect(status).toBe(2);
  });

  describeWith(['zip'], 'made by zip', () => {
    test('is read', () => {
      runIn(folder, 'zip', '-q', 'by-zip.zip', 'disk.raw');
      expectDisk(['raw', 'by-zip.zip']);
    });

    test('from a pipe, in Zip64, is read', () => {
      runIn(folder, 'sh', '-c', 'cat disk.raw | zip -q -fz by-pipe.zip -');
      expectDisk(['raw', 'by-pipe.zip']);
    });

    test('encrypted is refused', () => {
      runIn(folder, 'zip', '-q', '-P', 'secret', 'encrypted.zip', 'disk.raw');
      const archive = readFileSync(join(folder, 'encrypted.zip'));
      expectRefused('disk.zip', archive, 'is encrypted');
    });
  });

  testWith(['7zz'], 'made by 7-Zip is read', () => {
    runIn(folder, '7zz', 'a', '-bd', '-tzip', 'by-7z.zip', 'disk.raw');
    expectDisk(['raw', 'by-7z.zip']);
  });
});

interface ZipFields {
  readonly method?: number;
  readonly flags?: number;
  readonly crc?: number;
  readonly size?: number;
  readonly count?: number;
  readonly localOffset?: number;
  /** Zeros after the compressed bytes, within the entry. */
  readonly padding?: number;
}

/** An archive of the disk whose fields may lie. */
function zipOf(fields: ZipFields): Buffer {
  const { method = 8, flags = 0, crc = crc32(bytes), size = SIZE, count = 1 } = fields;
  const data = method === 0 ? bytes : deflateRawSync(bytes);
  const packed = Buffer.concat([data, Buffer.alloc(fields.padding ?? 0)]);
  const name = Buffer.from('disk.raw');
  const local = Buffer.alloc(30);
  local.write('PK\x03\x04', 'latin1');
  local.writeUInt16LE(name.length, 26);
  const entry = Buffer.alloc(46);
  entry.write('PK\x01\x02', 'latin1');
  entry.writeUInt16LE(flags, 8);
  entry.writeUInt16LE(method, 10);
  entry.writeUInt32LE(crc, 16);
  entry.writeUInt32LE(packed.length, 20);
  entry.writeUInt32LE(size, 24);
  entry.writeUInt16LE(name.length, 28);
  entry.writeUInt32LE(fields.localOffset ?? 0, 42);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(count, 10);
  end.writeUInt32LE(entry.length + name.length, 12);
  end.writeUInt32LE(local.length + name.length + packed.length, 16);
  return Buffer.concat([local, name, packed, entry, name, end]);
}
