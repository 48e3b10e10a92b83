// VHDXs with a parent: what they have themselves, and what they say of it.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type ImageExtent, vhdx } from '../../formats/index.ts';
import { diskWithBlocks } from '../support/disks.ts';
import { differencingVhdx } from '../support/differencing-vhdx.ts';
import { temporaryFolder } from '../support/folder.ts';
import { runPython, testWith } from '../support/peers.ts';
import { diskOf, openImage, problemsOf } from '../support/read-image.ts';
import { logEntry, withLog } from '../support/vhdx-log.ts';
import { writeImage } from '../support/write-image.ts';

const MIB = 2 ** 20;
const TABLE = 3 * MIB;
const BITMAP_ENTRY = TABLE + 8 * 4096;
const LINKAGE = '{10111213-1415-4617-b819-1a1b1c1d1e1b}';
const PARENT = { parent_linkage: LINKAGE, relative_path: '.\\parent.vhdx' };

const child = await differencingVhdx(PARENT);

function changed(change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(child);
  change(copy);
  return copy;
}

async function extentsOf(image: Buffer, from = 0): Promise<ImageExtent[]> {
  const found: ImageExtent[] = [];
  for await (const extent of (await openImage(vhdx(), image)).extents(from)) found.push(extent);
  return found;
}

describe('a differencing VHDX', () => {
  test('has its own sectors and zeros, and leaves the others to its parent', async () => {
    const extents = await extentsOf(child);
    expect(extents.length).toBe(1024 + 2);
    expect(extents[0]).toEqual({
      kind: 'plain',
      diskOffset: 512,
      diskLength: 512,
      imageOffset: 4 * MIB + 512,
    });
    expect(extents[1023]).toMatchObject({ kind: 'plain', diskOffset: MIB - 512, diskLength: 512 });
    expect(extents.slice(1024)).toEqual([
      { kind: 'plain', diskOffset: 2 * MIB, diskLength: MIB, imageOffset: 5 * MIB },
      { kind: 'zeros', diskOffset: 3 * MIB, diskLength: MIB },
    ]);
    expect(await problemsOf(await openImage(vhdx(), child))).toEqual([]);
  });

  test('has zeros where its log has made it larger, not what its parent has', async () => {
    const table = Buffer.from(child.subarray(TABLE, TABLE + 4096));
    table.writeBigUInt64LE(BigInt(child.length) | 6n, 8 * 1);
    table.writeBigUInt64LE(BigInt(child.length + MIB) | 6n, 8 * 5);
    const updates = [{ offset: TABLE, data: table }];
    const lastSize = child.length + 2 * MIB;
    const entry = logEntry({ sequence: 1, tail: 0, updates, lastSize });
    const image = Buffer.concat([withLog(child, [[0, entry]]), Buffer.alloc(4096, 'x')]);
    const found = (await extentsOf(image)).filter(({ diskOffset }) => diskOffset >= MIB);
    expect(found).toEqual([
      { kind: 'plain', diskOffset: MIB, diskLength: 4096, imageOffset: child.length },
      { kind: 'zeros', diskOffset: MIB + 4096, diskLength: MIB - 4096 },
      { kind: 'plain', diskOffset: 2 * MIB, diskLength: MIB, imageOffset: 5 * MIB },
      { kind: 'zeros', diskOffset: 3 * MIB, diskLength: MIB },
      { kind: 'zeros', diskOffset: 5 * MIB, diskLength: MIB },
    ]);
    expect(await problemsOf(await openImage(vhdx(), image))).toEqual([]);
  });

  test('is read from any place on', async () => {
    expect((await extentsOf(child, 1024))[0]).toMatchObject({ diskOffset: 1536 });
    expect((await extentsOf(child, 1537))[0]).toMatchObject({ diskOffset: 1536 });
    expect((await extentsOf(child, 3 * MIB))[0]).toMatchObject({ kind: 'zeros' });
    expect(await extentsOf(child, 4 * MIB)).toEqual([]);
  });

  // libvhdi has the parent's bytes where the child says that there are zeros: those are left out.
  testWith(['python3:pyvhdi'], 'is the same disk to libvhdi', async () => {
    const folder = temporaryFolder();
    const paths = ['parent.vhdx', 'child.vhdx', 'disk'].map((name) => join(folder, name));
    const parent = await writeImage(vhdx(), diskWithBlocks(8 * MIB, [0, 1, 16, 32, 64]));
    parent.save(paths[0]!);
    writeFileSync(paths[1]!, child);
    const disk = await diskOf(await openImage(vhdx(), parent.bytes), parent.bytes);
    for (const extent of await extentsOf(child)) {
      const { kind, diskOffset, diskLength } = extent;
      if (kind === 'zeros') disk.fill(0, diskOffset, diskOffset + diskLength);
      if (kind !== 'plain') continue;
      child.copy(disk, diskOffset, extent.imageOffset, extent.imageOffset + diskLength);
    }
    writeFileSync(paths[2]!, disk);
    runPython(COMPARE, ...paths);
  });

  test('names its parent and the id that it must have', async () => {
    expect((await openImage(vhdx(), child)).facts).toMatchObject({
      subformat: 'differencing',
      backing: { file: 'parent.vhdx', format: 'vhdx', id: LINKAGE.slice(1, -1) },
    });
  });

  test('names it by that id in capital letters too, as the specification shows it', async () => {
    const image = await differencingVhdx({ ...PARENT, parent_linkage: LINKAGE.toUpperCase() });
    expect((await openImage(vhdx(), image)).facts.backing?.id).toBe(LINKAGE.slice(1, -1));
  });

  test.each<[string, Record<string, string>, string]>([
    [
      'the path from its folder',
      { relative_path: 'below\\parent.vhdx', absolute_win32_path: 'C:\\x\\other.vhdx' },
      'below/parent.vhdx',
    ],
    [
      'a path that leads out of it, as it is',
      { relative_path: '..\\..\\parent.vhdx' },
      '../../parent.vhdx',
    ],
    [
      'else the name in a path of another machine',
      { absolute_win32_path: '\\\\?\\C:\\vms\\parent.vhdx' },
      'parent.vhdx',
    ],
    [
      'also if that has a volume',
      { volume_path: '\\\\?\\Volume{26A21BDA}\\vms\\parent.vhdx' },
      'parent.vhdx',
    ],
  ])('names of its parent %s', async (_, paths, file) => {
    const image = await differencingVhdx({ parent_linkage: LINKAGE, ...paths });
    expect((await openImage(vhdx(), image)).facts.backing?.file).toBe(file);
  });

  test.each<[string, Record<string, string>, string]>([
    ['no path', { parent_linkage: LINKAGE }, 'the parent locator has no path'],
    ['no id', { relative_path: 'parent.vhdx' }, 'the parent locator has no parent_linkage'],
  ])('whose parent has %s is refused', async (_, values, message) => {
    await expect(openImage(vhdx(), await differencingVhdx(values))).rejects.toThrow(message);
  });

  const LOCATOR = 2 * MIB + 65_536 + 4096;
  test.each<[string, (copy: Buffer) => void, string]>([
    [
      'a parent of another type',
      (copy) => copy.fill(0, LOCATOR, LOCATOR + 16),
      'the parent is of type 00000000-',
    ],
    [
      '65,535 entries',
      (copy) => copy.writeUInt16LE(65_535, LOCATOR + 18),
      'has no room for 65535 entries',
    ],
    [
      'an entry past the end',
      (copy) => copy.writeUInt32LE(2 ** 31, LOCATOR + 20),
      'an entry ends at',
    ],
  ])('whose locator has %s is refused', async (_, change, message) => {
    await expect(openImage(vhdx(), changed(change))).rejects.toThrow(message);
  });

  test.each<[string, bigint, string]>([
    ['not there', 0n, 'the sector bitmap of blocks 0 to 4095 is in state 0'],
    ['in the header', 6n, 'the sector bitmap of blocks 0 to 4095 is in the header'],
    [
      'past the end',
      0x70_0006n,
      'the sector bitmap of blocks 0 to 4095 ends at 8388608, the image at 7340032',
    ],
  ])('whose sector bitmap is %s cannot be read', async (_, entry, message) => {
    const broken = changed((copy) => copy.writeBigUInt64LE(entry, BITMAP_ENTRY));
    await expect(extentsOf(broken)).rejects.toThrow(message);
    expect(await problemsOf(await openImage(vhdx(), broken))).toContain(`error: ${message}`);
  });

  test('may have a block past the end of the disk in its table, which a check finds', async () => {
    const broken = changed((copy) => copy.writeBigUInt64LE(0x50_0006n, TABLE + 8 * 8));
    expect(await problemsOf(await openImage(vhdx(), broken))).toEqual([
      'leak: the table has an entry for block 8, the disk has only 8 blocks',
    ]);
    expect((await extentsOf(broken)).at(-1)).toMatchObject({ diskOffset: 3 * MIB });
  });
});

const COMPARE = `
import pyvhdi, sys
parent, child = pyvhdi.file(), pyvhdi.file()
parent.open(sys.argv[1])
child.open(sys.argv[2])
child.set_parent(parent)
disk = open(sys.argv[3], 'rb').read()
for block in (0, 1, 2, 4, 5, 6, 7):
    child.seek_offset(block << 20, 0)
    at = block << 20
    if child.read_buffer(1 << 20) != disk[at:at + (1 << 20)]: sys.exit('block %d differs' % block)
`;
