// The reader, with VMDKs of other programs and our own.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { vmdk } from '../../formats/index.ts';
import { grainMarker, header } from '../../formats/vmdk/layout.ts';
import { diskWithBlocks, noise, text, type TestDisk, writeDisk } from '../support/disks.ts';
import { sharedFolder } from '../support/folder.ts';
import { describeWith, run } from '../support/peers.ts';
import { diskOf, fileInput, inputOf, openImage, problemsOf } from '../support/read-image.ts';
import { writeImage } from '../support/write-image.ts';

const MIB = 2 ** 20;
const GRAIN = 65_536;

const DISK: TestDisk = {
  name: 'odd end',
  size: 70 * MIB + 3 * 512, // three grain tables
  pieces: [
    { offset: 512, bytes: noise(1024) },
    { offset: 4 * MIB, bytes: text(3 * MIB, 2) },
    { offset: 66 * MIB, bytes: noise(MIB, 4) },
    { offset: 70 * MIB + 1024, bytes: noise(512, 3) },
  ],
};

function bytesOfDisk({ size, pieces }: TestDisk): Buffer {
  const disk = Buffer.alloc(size);
  for (const { offset, bytes } of pieces) bytes.copy(disk, offset);
  return disk;
}

describe('a VMDK of ours', async () => {
  const disk = diskWithBlocks(40 * MIB, [0, 1, 511, 512, 639]);
  const image = (await writeImage(vmdk(), disk)).bytes;

  test('gives its disk back', async () => {
    const reader = await openImage(vmdk(), image);
    expect(reader.facts).toEqual({
      format: 'vmdk',
      subformat: 'streamOptimized',
      uuids: { image: '10111213-1415-4617-b819-1a1b1c1d1e1f' },
      id: '1c1d1e1f',
      diskSize: disk.size,
      details: {
        version: 3,
        'grain size': GRAIN,
        compression: 'deflate',
        'content ID': '1c1d1e1f',
        'adapter type': 'lsilogic',
        uuid: '10111213-1415-4617-b819-1a1b1c1d1e1f',
        'virtual hardware version': '4',
      },
    });
    expect((await diskOf(reader, image)).equals(bytesOfDisk(disk))).toBe(true);
    expect(await problemsOf(reader)).toEqual([]);
  });

  test('is read from any place on', async () => {
    const reader = await openImage(vmdk(), image);
    const grains: number[] = [];
    for await (const { diskOffset } of reader.extents(511 * GRAIN + 1)) {
      grains.push(diskOffset / GRAIN);
    }
    expect(grains).toEqual([511, 512, 639]);
  });

  test('with a huge directory is checked without a list of its tables', async () => {
    const size = 2 ** 30;
    const end = Buffer.from(image.subarray(-3 * 512));
    const head = Buffer.from(image.subarray(0, 21 * 512));
    const capacity = BigInt(2 ** 20 * 512 * 128); // 2^20 tables
    head.set(header.encode({ ...header.decode(head), capacity }));
    const footer = { ...header.decode(end.subarray(512)), capacity, gdOffset: 2048n };
    end.set(header.encode(footer), 512);
    const heap: number[] = [];
    const reader = await openImage(vmdk(), {
      size,
      isHole: (at) => {
        heap.push(process.memoryUsage().heapUsed);
        return at > head.length;
      },
      read(at, length) {
        const found = Buffer.alloc(length);
        if (at < head.length) head.copy(found, 0, at);
        else if (at >= size - end.length) end.copy(found, 0, at - (size - end.length));
        return Promise.resolve(found);
      },
    });
    const before = process.memoryUsage().heapUsed;
    const problems = await problemsOf(reader);
    expect(problems).toContainEqual(expect.stringMatching('the grain directory at sector 2048'));
    expect(Math.max(...heap) - before).toBeLessThan(32 * MIB);
  });

  test('that was cut off is refused', async () => {
    for (const end of [79, 512, 65_536, image.length - 512, image.length - 1]) {
      const cut = image.subarray(0, end);
      await expect(openImage(vmdk(), cut)).rejects.toThrow(/footer|end/);
    }
  });
});

describeWith(['qemu-img'], 'a VMDK by QEMU', () => {
  const folder = sharedFolder();
  const disk = join(folder, 'disk.raw');
  writeDisk(disk, DISK);
  const expected = bytesOfDisk(DISK);

  describe.each([
    'monolithicSparse',
    'streamOptimized',
    'monolithicFlat',
    'twoGbMaxExtentSparse',
    'twoGbMaxExtentFlat',
  ])('that is %s', (subformat) => {
    const path = join(folder, `${subformat}.vmdk`);
    beforeAll(() => {
      const options = `subformat=${subformat}`;
      run('qemu-img', 'convert', '-f', 'raw', '-O', 'vmdk', '-o', options, disk, path);
    });
    const open = () =>
      openImage(vmdk(), fileInput(path), (name) => Promise.resolve(fileInput(join(folder, name))));

    test('gives its disk', async () => {
      const reader = await open();
      expect(reader.facts).toMatchObject({ subformat, diskSize: DISK.size });
      expect((await diskOf(reader, fileInput(path))).equals(expected)).toBe(true);
    });

    test('has no problem', async () => {
      expect(await problemsOf(await open())).toEqual([]);
    });
  });

  test('with zeroed grains gives its disk', async () => {
    const path = join(folder, 'zeroed.vmdk');
    run('qemu-img', 'create', '-q', '-f', 'vmdk', '-o', 'zeroed_grain=on', path, '1M');
    run('qemu-io', '-f', 'vmdk', '-c', 'write -P 7 0 256k', '-c', 'write -z 64k 128k', path);
    run('qemu-img', 'convert', '-f', 'vmdk', '-O', 'raw', path, `${path}.raw`);
    const reader = await openImage(vmdk(), fileInput(path));
    const kinds: string[] = [];
    for await (const { kind } of reader.extents()) kinds.push(kind);
    expect(kinds).toEqual(['plain', 'zeros', 'plain']); // the two zeroed grains are joined
    const found = await diskOf(reader, fileInput(path));
    expect(found.equals(readFileSync(`${path}.raw`))).toBe(true);
    expect(await problemsOf(reader)).toEqual([]);
  });

  test('with a parent names it', async () => {
    const path = join(folder, 'child.vmdk');
    run('qemu-img', 'create', '-q', '-f', 'vmdk', join(folder, 'base.vmdk'), '1M');
    run('qemu-img', 'create', '-q', '-f', 'vmdk', '-F', 'vmdk', '-b', 'base.vmdk', path);
    const { facts } = await openImage(vmdk(), fileInput(path));
    const { facts: base } = await openImage(vmdk(), fileInput(join(folder, 'base.vmdk')));
    expect(facts.backing).toEqual({ file: 'base.vmdk', format: 'vmdk', id: base.id });
  });
});

/**
 * A sparse extent in the layout of the specification's first part, with both directories and all
 * tables in front.
 */
function hostedSparse({
  packed = false,
  grainSectors = 16,
  tableGrains = 512,
  capacity = 100,
} = {}) {
  const grainCount = Math.ceil(capacity / grainSectors);
  const tableCount = Math.ceil(grainCount / tableGrains);
  const tableSectors = Math.ceil((tableGrains * 4) / 512);
  const [rgd, gd] = [21, 21 + 1 + tableCount * tableSectors];
  const overHead = 128;
  const image = Buffer.alloc(2 * MIB);
  const encoded = header.encode({
    magic: 0x564d444b,
    version: 1,
    flags: packed ? 0x30003 : 3,
    capacity: BigInt(capacity),
    grainSize: BigInt(grainSectors),
    descriptorOffset: 1n,
    descriptorSize: 20n,
    numGTEsPerGT: tableGrains,
    rgdOffset: BigInt(rgd),
    gdOffset: BigInt(gd),
    overHead: BigInt(overHead),
    uncleanShutdown: 0,
    singleEndLineChar: 10,
    nonEndLineChar: 32,
    doubleEndLineChar1: 13,
    doubleEndLineChar2: 10,
    compressAlgorithm: packed ? 1 : 0,
  });
  image.set(encoded);
  const type = packed ? 'streamOptimized' : 'monolithicSparse';
  const descriptor = `# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType="${type}"\nRW ${capacity} SPARSE "x.vmdk"\n`;
  image.write(descriptor, 512);
  for (const directory of [rgd, gd]) {
    for (let i = 0; i < tableCount; i++) {
      image.writeUInt32LE(directory + 1 + i * tableSectors, directory * 512 + 4 * i);
    }
  }
  let end = overHead;
  const setEntry = (grain: number, sector: number, directories = [rgd, gd]) => {
    for (const directory of directories)
      image.writeUInt32LE(sector, (directory + 1) * 512 + 4 * grain);
  };
  const addGrain = (grain: number, bytes: Buffer) => {
    setEntry(grain, end);
    const stored = packed
      ? Buffer.concat([
          grainMarker.encode({
            lba: BigInt(grain * grainSectors),
            size: deflateSync(bytes).length,
          }),
          deflateSync(bytes),
        ])
      : bytes;
    stored.copy(image, end * 512);
    end += Math.ceil(stored.length / 512);
  };
  return { image, addGrain, setEntry, rgd, gd, bytes: () => image.subarray(0, end * 512) };
}

describe.each([false, true])('a sparse VMDK as VMware lays it out, packed: %s', (packed) => {
  test.each([
    [1, 512],
    [16, 512],
    [128, 512],
    [16, 4],
    [4096, 512],
  ])(
    'with grains of %i sectors, tables of %i, gives its disk',
    async (grainSectors, tableGrains) => {
      const capacity = 3 * grainSectors - (grainSectors >> 1);
      const built = hostedSparse({ packed, grainSectors, tableGrains, capacity });
      const grainSize = grainSectors * 512;
      const data = text(capacity * 512);
      const last = Buffer.alloc(grainSize);
      data.copy(last, 0, 2 * grainSize);
      const big = grainSectors > 1024 && !packed;
      if (!big) built.addGrain(0, data.subarray(0, grainSize));
      if (!big) built.addGrain(2, last);
      const expected = Buffer.from(data);
      expected.fill(0, big ? 0 : grainSize, big ? expected.length : 2 * grainSize);
      const image = built.bytes();
      const reader = await openImage(vmdk(), image);
      expect((await diskOf(reader, image)).equals(expected)).toBe(true);
      expect(await problemsOf(reader)).toEqual([]);
    },
  );

  const data = noise(8192);
  function built() {
    const result = hostedSparse({ packed });
    for (let grain = 0; grain < 6; grain++) result.addGrain(grain, data);
    return result;
  }

  test('is reported if its two directories differ', async () => {
    const { setEntry, rgd, bytes } = built();
    setEntry(3, 0, [rgd]);
    const problems = await problemsOf(await openImage(vmdk(), bytes()));
    expect(problems.join()).toMatch(
      /the two tables of grain 3 have it at sector \d+ and at sector 0/,
    );
  });

  test('is reported if grains overlap, and if one lies past the end', async () => {
    const { setEntry, bytes } = built();
    setEntry(3, 128);
    setEntry(4, 100_000);
    const problems = await problemsOf(await openImage(vmdk(), bytes()));
    expect(problems.join('\n')).toMatch(
      packed
        ? /the marker of grain 3 at sector 128 is for disk sector 0, expected 48/
        : /grain 3 at .* overlaps/,
    );
    expect(problems.join('\n')).toMatch(/grain 4 ends at \d+, the image at \d+/);
  });

  test('with a grain in the metadata or past the end cannot be read', async () => {
    for (const sector of [2, 100_000]) {
      const { setEntry, bytes } = built();
      setEntry(3, sector);
      const image = bytes();
      const reader = await openImage(vmdk(), image);
      await expect(diskOf(reader, image)).rejects.toThrow(/^vmdk: grain 3/);
    }
  });

  test('that was not closed properly is reported', async () => {
    const image = Buffer.from(built().bytes());
    image.writeUInt8(1, 72);
    expect(await problemsOf(await openImage(vmdk(), image))).toContain(
      'error: the image was not closed',
    );
  });
});

describe('a VMDK', () => {
  const sparse = hostedSparse().bytes();
  const withHeader = (values: Partial<ReturnType<typeof header.decode>>) => {
    const copy = Buffer.from(sparse);
    copy.set(header.encode({ ...header.decode(copy), ...values }));
    return copy;
  };

  test.each([
    ['version 4', { version: 4 }, 'version 4'],
    ['no grain', { grainSize: 0n }, 'grains of 0 sectors'],
    ['grains of no power of two', { grainSize: 100n }, 'grains of 100 sectors'],
    ['grains of 2^63 sectors', { grainSize: 2n ** 63n }, 'grains of'],
    ['tables of no entry', { numGTEsPerGT: 0 }, 'grain tables of 0 entries'],
    ['tables of 2^32 entries', { numGTEsPerGT: 2 ** 32 - 1 }, 'entries'],
    ['a disk of 2^64 sectors', { capacity: 2n ** 64n - 1n }, 'more than any image can have'],
    ['2^30 tables', { capacity: 2n ** 43n }, '1073741824 grain tables'],
    ['more tables than there are', { capacity: 2n ** 34n }, 'the grain directory at'],
    ['a directory past the end', { gdOffset: 2n ** 40n }, 'the grain directory at'],
    [
      'its descriptor past the end',
      { descriptorSize: 1000n },
      'the descriptor ends at 512512, the image at',
    ],
    [
      'a descriptor of over 1 MiB',
      { descriptorSize: 2049n },
      'a descriptor of 1049088 bytes, at most 1048576',
    ],
    ['no descriptor', { descriptorOffset: 0n }, 'one extent of an image in several files'],
    ['line ends that were changed', { doubleEndLineChar1: 10 }, 'transferred as text'],
    ['an unknown compression', { compressAlgorithm: 2 }, 'compression 2'],
    ['a footer that is not there', { gdOffset: 2n ** 64n - 1n }, 'no footer at'],
  ])('with %s is refused', async (_, values, message) => {
    await expect(openImage(vmdk(), withHeader(values))).rejects.toThrow(message);
  });

  test('in several files, of which one ends within a packed grain, is refused', async () => {
    const part = (await writeImage(vmdk(), diskWithBlocks(MIB, [15]))).bytes;
    const lines = [
      '# Disk DescriptorFile',
      'createType="custom"',
      'RW 2047 SPARSE "a"',
      'RW 9 ZERO',
    ];
    const open = () => Promise.resolve(inputOf(part));
    const reader = await openImage(vmdk(), Buffer.from(lines.join('\n')), open);
    expect(reader.facts.diskSize).toBe(2056 * 512);
    await expect(diskOf(reader, part)).rejects.toThrow('a grain of "a" reaches past its extent');
  });

  const described = (...lines: string[]) =>
    Buffer.from(['# Disk DescriptorFile', 'createType="custom"', ...lines].join('\n'));

  test('of which a part has another size than its descriptor says is refused', async () => {
    const open = () => Promise.resolve(inputOf(sparse));
    const longer = openImage(vmdk(), described('RW 113 SPARSE "a"'), open);
    await expect(longer).rejects.toMatchObject({
      kind: 'damaged',
      message: 'vmdk: "a" has 51200 bytes of the disk, the descriptor says 57856',
    });
  });

  test('has zeros where it has an extent without a file', async () => {
    const image = described('RW 1 FLAT "a" 1', 'RW 2 ZERO', 'RW 1 FLAT "a" 0');
    const bytes = Buffer.concat([Buffer.alloc(512, 1), Buffer.alloc(512, 2)]);
    const reader = await openImage(vmdk(), image, () => Promise.resolve(inputOf(bytes)));
    const zeros = Buffer.alloc(1024);
    const disk = Buffer.concat([bytes.subarray(512), zeros, bytes.subarray(0, 512)]);
    expect((await diskOf(reader, image)).equals(disk)).toBe(true);
    expect(await problemsOf(reader)).toEqual([]);
  });

  test('whose files are not open has its size, and names them', async () => {
    const image = described('RW 3 FLAT "a" 0', 'RW 4 SPARSE "b"', 'RW 5 ZERO');
    const reader = await openImage(vmdk(), image, () => Promise.resolve(undefined));
    expect(reader.notOpened).toEqual({ files: ['a', 'b'], isMapped: false });
    expect(reader.facts).toMatchObject({ diskSize: 12 * 512, details: { extents: ['a', 'b'] } });
    expect(await problemsOf(reader)).toEqual([]);
  });

  test('whose table is past the end is refused, though a file may have a hole there', async () => {
    const directory = Number(header.decode(sparse).gdOffset) * 512;
    const broken = Buffer.from(sparse);
    broken.writeUInt32LE(2 ** 20, directory);
    const input = { ...inputOf(broken), isHole: () => true };
    const reader = await openImage(vmdk(), input);
    await expect(diskOf(reader, input)).rejects.toThrow('the grain table at 536870912 ends at');
  });

  test('in one file that says it is in several is refused', async () => {
    const copy = Buffer.from(sparse);
    copy.write(
      copy.toString('latin1', 512, 1024).replace('monolithicSparse', 'twoGbMaxExtentS.'),
      512,
    );
    await expect(openImage(vmdk(), copy)).rejects.toMatchObject({
      kind: 'unsupported',
      message:
        'vmdk: createType twoGbMaxExtentS. in one file, monolithicSparse and streamOptimized are supported',
    });
  });

  test('whose parts have more tables than fit in memory is refused', async () => {
    const tables = 2 ** 22;
    const part = withHeader({ flags: 1, capacity: BigInt(tables * 16 * 512), gdOffset: 1n });
    let opened = 0;
    const open = () => {
      opened++;
      const head = part.subarray(0, 512);
      const read = (at: number, length: number) =>
        Promise.resolve(at === 0 ? Uint8Array.from(head) : new Uint8Array(length));
      return Promise.resolve({ size: 2 ** 40, read });
    };
    const lines = Array<string>(100).fill(`RW ${tables * 16 * 512} SPARSE "a"`);
    await expect(openImage(vmdk(), described(...lines), open)).rejects.toMatchObject({
      kind: 'unsupported',
      message: 'vmdk: more than 8388608 grain tables in all extents',
    });
    expect(opened).toBe(3);
  });

  test('of ESXi alone is refused by name', async () => {
    const cowd = Buffer.alloc(512, 'COWD');
    const sesparse = Buffer.alloc(512);
    sesparse.writeUInt32LE(0xcafebabe);
    await expect(openImage(vmdk(), cowd)).rejects.toThrow('COWD');
    await expect(openImage(vmdk(), sesparse)).rejects.toThrow('SEsparse');
    await expect(openImage(vmdk(), Buffer.alloc(512))).rejects.toThrow('begins with neither');
    await expect(openImage(vmdk(), Buffer.alloc(0))).rejects.toThrow('begins with neither');
  });

  test.each([
    [
      'a line of another kind',
      'what is this',
      'line 2 of the descriptor cannot be read: "what is this"',
    ],
    ['no type', 'RW 1 ZERO', 'the descriptor has no createType'],
    ['an extent of 10^15 sectors', 'RW 999999999999999 ZERO', 'an extent of 999999999999999'],
    ['a raw device', 'createType="fullDevice"\nRW 1 VMFSRDM "x"', 'an extent of type VMFSRDM'],
    ['no extent', 'createType="custom"', 'the extents in the descriptor have 0 bytes'],
    ['4097 extents', `createType="f"${'\nRW 1 ZERO'.repeat(4097)}`, '4097 extents, at most 4096'],
    ['over 1 MiB', `#${' '.repeat(MIB)}`, 'a descriptor of 1048600 bytes, at most 1048576'],
    ['an extent without a file', 'createType="f"\nRW 1 FLAT', 'names no file for its FLAT extent'],
    ['files that may not be opened', 'createType="f"\nRW 1 FLAT "../x" 0', 'another file'],
  ])('whose descriptor has %s is refused', async (_, lines, message) => {
    const descriptor = Buffer.from(`# Disk DescriptorFile\n${lines}\n`);
    await expect(openImage(vmdk(), descriptor)).rejects.toThrow(message);
  });
});
