// Container disks of ours to tar and skopeo, and archives of others to our reader.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { containerdisk, qcow2 } from '../../formats/index.ts';
import { encodeMember } from '../../formats/tar/encode-tar.ts';
import { DISKS, diskWithBlocks, writeDisk } from '../support/disks.ts';
import { temporaryFolder } from '../support/folder.ts';
import { compareImage, describeWith, run, sha256Of } from '../support/peers.ts';
import { openImage, problemsOf } from '../support/read-image.ts';
import { writeImage } from '../support/write-image.ts';

const MIB = 2 ** 20;
const DISK = diskWithBlocks(3 * MIB + 512, [0, 7, 48]);

async function archive(disk = DISK): Promise<string> {
  const path = join(temporaryFolder(), 'x.oci.tar');
  (await writeImage(containerdisk(), disk)).save(path);
  return path;
}

describeWith(['tar', 'bsdtar'], 'a container disk', () => {
  test('lists its blobs before the files that name them', async () => {
    const path = await archive();
    const names = run('tar', '-tf', path);
    expect(names).toMatch(/^(blobs\/sha256\/[0-9a-f]{64}\n){3}oci-layout\nindex\.json\n$/);
    expect(run('bsdtar', '-tf', path)).toBe(names);
  });

  test('has blobs with the hashes that they are named by', async () => {
    const path = await archive();
    const folder = temporaryFolder();
    run('tar', '-C', folder, '-xf', path);
    for (const name of run('tar', '-tf', path).split('\n').slice(0, 3)) {
      expect(name.slice(-64)).toBe(sha256Of(join(folder, name)));
    }
  });

  test('has one file in its layer, which KubeVirt may read', async () => {
    const path = await archive();
    const [layer = ''] = run('tar', '-tf', path).split('\n');
    const list = run(
      'bash',
      '-c',
      'tar -xOf "$1" "$2" | tar -tv --numeric-owner',
      'x',
      path,
      layer,
    );
    const lines = list.trimEnd().split('\n');
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/^dr-xr-xr-x 107\/107 .* disk\/$/);
    expect(lines[1]).toMatch(/^-r--r--r-- 107\/107 .* disk\/golden\.qcow2$/);
  });
});

describeWith(['qemu-img', 'tar'], 'the qcow2 in a container disk', () => {
  const disks = [DISK, ...DISKS.filter(({ size }) => size < 16 * MIB)];
  test.each(disks.map((disk) => [disk.name, disk] as const))('is the disk: %s', async (_, disk) => {
    const raw = join(temporaryFolder(), 'disk');
    writeDisk(raw, disk);
    compareImage('containerdisk', await archive(disk), raw);
  });
});

describeWith(['skopeo'], 'a container disk to skopeo', () => {
  test('is an image of one layer', async () => {
    const found = JSON.parse(run('skopeo', 'inspect', `oci-archive:${await archive()}`)) as unknown;
    expect(found).toMatchObject({
      Architecture: 'amd64',
      Os: 'linux',
      Layers: [expect.any(String)],
    });
  });

  test('is copied whole', async () => {
    const folder = temporaryFolder();
    const insecure = '--insecure-policy'; // no policy.json is needed where nothing is signed
    run('skopeo', insecure, 'copy', '-q', `oci-archive:${await archive()}`, `dir:${folder}`);
    const blobs = readdirSync(folder).filter((name) => /^[0-9a-f]{64}$/.test(name));
    expect(blobs).toHaveLength(2);
    for (const name of blobs) expect(sha256Of(join(folder, name))).toBe(name);
  });
});

describe('the check of a container disk', () => {
  test('finds nothing wrong in one of ours', async () => {
    const { bytes } = await writeImage(containerdisk(), DISK);
    expect(await problemsOf(await openImage(containerdisk(), bytes))).toEqual([]);
  });

  test.each([
    ['manifest', '"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest'],
    ['config', '"architecture":"amd64"'],
    ['layer', undefined],
  ])('finds a byte of the %s that was changed', async (what, text) => {
    const bytes = Buffer.from((await writeImage(containerdisk(), DISK)).bytes);
    const at = text === undefined ? await dataOffset(bytes) : bytes.indexOf(text) + 2;
    bytes[at]! ^= 1;
    const problems = await problemsOf(await openImage(containerdisk(), bytes));
    const wanted = `^error: the ${what} has the SHA-256 [0-9a-f]{64}, expected [0-9a-f]{64}$`;
    expect(problems).toEqual([expect.stringMatching(new RegExp(wanted))]);
  });

  /** Where the first data of the disk lies. */
  async function dataOffset(bytes: Buffer): Promise<number> {
    for await (const extent of (await openImage(containerdisk(), bytes)).extents()) {
      if (extent.kind !== 'zeros') return extent.imageOffset;
    }
    throw new Error('the disk has no data');
  }
});

test('a name that is too long for a tar is refused', async () => {
  const written = writeImage(containerdisk(), DISK, { identity: { name: 'n'.repeat(100) } });
  await expect(written).rejects.toThrow(/^containerdisk: the name .* members have at most 100$/);
});

describe('an archive of others', () => {
  const json = (value: unknown) => Buffer.from(JSON.stringify(value));
  const digest = (digit: string) => `sha256:${digit.repeat(64)}`;
  const blob = (digit: string) => `blobs/sha256/${digit.repeat(64)}`;
  const index = json({ manifests: [{ digest: digest('a'), size: 7 }] });
  const manifest = (mediaType: string) => json({ layers: [{ mediaType, digest: digest('b') }] });
  const LAYER = 'application/vnd.oci.image.layer.v1.tar';

  function tarOf(files: Readonly<Record<string, Uint8Array>>): Buffer {
    const members = Object.entries(files).flatMap(([name, bytes]) =>
      encodeMember({ name, bytes, mtime: 0 }),
    );
    return Buffer.concat([...members, Buffer.alloc(1024)]);
  }

  const read = (files: Readonly<Record<string, Uint8Array>>) =>
    openImage(containerdisk(), tarOf(files));

  test('is read with its files in any order', async () => {
    const image = (await writeImage(qcow2(), DISK)).bytes;
    const layer = tarOf({ 'etc/passwd': json(1), './disk/downloaded': image });
    const reader = await read({
      'index.json': index,
      [blob('a')]: manifest(LAYER),
      [blob('b')]: layer,
    });
    expect(reader.facts.details['disk']).toBe('disk/downloaded');
    const problems = await problemsOf(reader);
    expect(problems).toContain('error: the config has no SHA-256 by which it is in the archive');
    expect(problems.join()).toMatch(/the manifest has \d+ bytes, expected 7,/);
    expect(problems.join()).toContain(`expected ${'b'.repeat(64)}`);
  });

  test.each<[string, Readonly<Record<string, Uint8Array>>, string]>([
    ['without an index', { 'oci-layout': json({}) }, 'the archive has no index.json'],
    ['of two images', { 'index.json': json({ manifests: [1, 2] }) }, 'it has 2 manifests'],
    ['without its manifest', { 'index.json': index }, `the archive has no ${blob('a')}`],
    ['that is not JSON', { 'index.json': Buffer.from('{') }, 'index.json is not JSON'],
    [
      'with a path for a hash',
      { 'index.json': json({ manifests: [{ digest: '../a' }] }) },
      'no blobs/',
    ],
    [
      'that is compressed',
      { 'index.json': index, [blob('a')]: manifest(`${LAYER}+gzip`) },
      'its layer is compressed (application/vnd.oci.image.layer.v1.tar+gzip)',
    ],
    [
      'without a disk',
      { 'index.json': index, [blob('a')]: manifest(LAYER), [blob('b')]: tarOf({ a: json(1) }) },
      'the layer has no file in disk/',
    ],
  ])('%s is refused', async (_, files, message) => {
    await expect(read(files)).rejects.toThrow(message);
    await expect(read(files)).rejects.toThrow(/^containerdisk: /);
  });
});
