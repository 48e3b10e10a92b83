// Images that hold only the changes to their parent, which they identify by an id.

import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { vhdDynamic, vhdx } from '../../formats/index.ts';
import { checksum, dynamicHeader, footer } from '../../formats/vhd/layout.ts';
import { diskWithBlocks } from '../support/disks.ts';
import { differencingVhdx } from '../support/differencing-vhdx.ts';
import { folderWith, temporaryFolder } from '../support/folder.ts';
import { kexport } from '../support/kexport.ts';
import { describeWith, runIn } from '../support/peers.ts';
import { diskOf, openImage } from '../support/read-image.ts';
import { writeImage } from '../support/write-image.ts';

const MIB = 2 ** 20;
const SECTOR = 512;
const HEADER = 512; // of our dynamic images, after the copy of the footer

/**
 * A differencing VHD: our dynamic one with that type, a parent, and every other sector of block 0.
 */
async function differencing(parent: Buffer): Promise<Buffer> {
  const image = (await writeImage(vhdDynamic(), diskWithBlocks(8 * MIB, [0, 32]))).bytes;
  for (const at of [0, image.length - SECTOR]) {
    const values = { ...footer.decode(image.subarray(at)), diskType: 4, checksum: 0 };
    image.set(footer.encode({ ...values, checksum: checksum(footer.encode(values)) }), at);
  }
  const parentUnicodeName = new Uint8Array(512);
  parentUnicodeName.set(Buffer.from('parent.vhd', 'utf16le').swap16());
  const { uniqueId: parentUniqueId } = footer.decode(parent.subarray(-SECTOR));
  const header = dynamicHeader.decode(image.subarray(HEADER));
  const values = { ...header, parentUnicodeName, parentUniqueId, checksum: 0 };
  const sealed = { ...values, checksum: checksum(dynamicHeader.encode(values)) };
  image.set(dynamicHeader.encode(sealed), HEADER);
  const firstBlock = image.readUInt32BE(Number(header.tableOffset)) * SECTOR;
  image.fill(0xaa, firstBlock, firstBlock + SECTOR);
  return image;
}

describe('a differencing VHD', async () => {
  const parent = (await writeImage(vhdDynamic(), diskWithBlocks(8 * MIB, [0, 1, 64]))).bytes;
  const child = await differencing(parent);

  const folderOf = (above: Buffer) => folderWith({ 'parent.vhd': parent, 'child.vhd': above });

  test('has its own sectors, and otherwise those of its parent', async () => {
    const cwd = folderOf(child);
    const args = ['convert', 'child.vhd', 'raw', '--allow-backing', '-o', 'disk', '-q'];
    expect(kexport(args, { cwd }).status).toBe(0);
    const expected = await diskOf(await openImage(vhdDynamic(), parent), parent);
    for await (const extent of (await openImage(vhdDynamic(), child)).extents()) {
      if (extent.kind !== 'plain') continue;
      const { imageOffset, diskOffset, diskLength } = extent;
      child.copy(expected, diskOffset, imageOffset, imageOffset + diskLength);
    }
    expect(readFileSync(join(cwd, 'disk')).equals(expected)).toBe(true);
    expect(kexport(['verify', 'child.vhd', '--allow-backing'], { cwd }).status).toBe(0);
  });

  test('is described and checked without its parent', () => {
    const cwd = folderOf(child);
    rmSync(join(cwd, 'parent.vhd'));
    const verified = kexport(['verify', 'child.vhd'], { cwd });
    expect(verified.stdout).toContain('sound by itself: parent.vhd was not opened');
    expect(verified.status).toBe(0);
    const { status, stdout } = kexport(['info', 'child.vhd'], { cwd });
    expect(stdout).toMatch(/format: +vhd, differencing\n/);
    expect(stdout).toMatch(/backing file: +parent.vhd/);
    expect(status).toBe(0);
  });

  test('is refused over another image of the same name', async () => {
    const other = Buffer.from(parent);
    other.fill(0x11, other.length - SECTOR + 68, other.length - SECTOR + 84);
    const cwd = folderOf(await differencing(other));
    const args = ['convert', 'child.vhd', 'raw', '--allow-backing', '-o', 'disk'];
    const { status, stderr } = kexport(args, { cwd });
    expect(stderr).toMatch(
      /is an overlay on an image with the id 11111111-.*, but .*parent.vhd has /,
    );
    expect(status).toBe(1);
  });
});

describe('a differencing VHDX', async () => {
  const parent = (await writeImage(vhdx(), diskWithBlocks(8 * MIB, [0, 1, 16, 48, 64]))).bytes;
  const id = '10111213-1415-4617-b819-1a1b1c1d1e1b'; // of every VHDX that the tests write

  async function folderWithParent(linkage: string): Promise<string> {
    const values = { parent_linkage: `{${linkage}}`, relative_path: '.\\parent.vhdx' };
    const child = await differencingVhdx(values);
    return folderWith({ 'parent.vhdx': parent, 'child.avhdx': child });
  }

  test('is its own sectors and zeros, and its parent where it has neither', async () => {
    const cwd = await folderWithParent(id);
    const args = ['convert', 'child.avhdx', 'raw', '--allow-backing', '-o', 'disk', '-q'];
    expect(kexport(args, { cwd }).status).toBe(0);
    const child = readFileSync(join(cwd, 'child.avhdx'));
    const expected = await diskOf(await openImage(vhdx(), parent), parent);
    for await (const extent of (await openImage(vhdx(), child)).extents()) {
      const { kind, diskOffset, diskLength } = extent;
      if (kind === 'zeros') expected.fill(0, diskOffset, diskOffset + diskLength);
      if (kind !== 'plain') continue;
      child.copy(expected, diskOffset, extent.imageOffset, extent.imageOffset + diskLength);
    }
    expect(readFileSync(join(cwd, 'disk')).equals(expected)).toBe(true);
  });

  test('is refused without its parent, and over another', async () => {
    const convert = ['convert', 'child.avhdx', 'raw', '-o', 'disk'];
    const alone = kexport(convert, { cwd: await folderWithParent(id) });
    expect(alone.stderr).toContain('child.avhdx needs another file, "parent.vhdx"');
    const other = await folderWithParent('11111111-1111-1111-1111-111111111111');
    const over = kexport([...convert, '--allow-backing'], { cwd: other });
    expect(over.stderr).toMatch(
      /is an overlay on an image with the id 11111111-.*, .*parent.vhdx has /,
    );
    expect([alone.status, over.status]).toEqual([1, 1]);
  });
});

describeWith(['qemu-img', 'qemu-io'], 'a VMDK with a parent', () => {
  function chain(): string {
    const cwd = temporaryFolder();
    runIn(cwd, 'qemu-img', 'create', '-q', '-f', 'vmdk', 'base.vmdk', '4M');
    runIn(cwd, 'qemu-io', '-f', 'vmdk', '-c', 'write -P 1 0 2M', 'base.vmdk');
    const above = ['-f', 'vmdk', '-F', 'vmdk', '-b', 'base.vmdk', 'top.vmdk'];
    runIn(cwd, 'qemu-img', 'create', '-q', ...above);
    runIn(cwd, 'qemu-io', '-f', 'vmdk', '-c', 'write -P 2 1M 64k', 'top.vmdk');
    return cwd;
  }

  test('is the disk of the two together', () => {
    const cwd = chain();
    runIn(cwd, 'qemu-img', 'convert', '-f', 'vmdk', '-O', 'raw', 'top.vmdk', 'theirs');
    const args = ['verify', 'top.vmdk', '--allow-backing', '--against', 'theirs'];
    expect(kexport(args, { cwd })).toMatchObject({ status: 0, stderr: '' });
  });

  test('is refused once its parent was written to', () => {
    const cwd = chain();
    runIn(cwd, 'qemu-io', '-f', 'vmdk', '-c', 'write -P 3 0 64k', 'base.vmdk');
    const { status, stderr } = kexport(['verify', 'top.vmdk', '--allow-backing'], { cwd });
    expect(stderr).toMatch(/is an overlay on an image with the id [0-9a-f]{8}, /);
    expect(status).toBe(3);
  });
});
