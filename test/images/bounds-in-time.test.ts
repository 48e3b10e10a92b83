// Small images that name very many things: each is refused, or read, in seconds of the processor.

import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { qcow2, vdi, vhdDynamic, vmdk } from '../../formats/index.ts';
import { encodeMember } from '../../formats/tar/encode-tar.ts';
import { header as qcow2Header, snapshot } from '../../formats/qcow2/layout.ts';
import { header as vdiHeader } from '../../formats/vdi/layout.ts';
import { dynamicHeader, footer, seal } from '../../formats/vhd/layout.ts';
import { header as vmdkHeader } from '../../formats/vmdk/layout.ts';
import { diskWithBlocks } from '../support/disks.ts';
import { folderWith, temporaryFolder } from '../support/folder.ts';
import { shell } from '../support/kexport.ts';
import { writeImage } from '../support/write-image.ts';

const MIB = 2 ** 20;
/** Of the processor, of which a machine may be three times slower than another. */
const SECONDS = 15;
const DISK = diskWithBlocks(4 * MIB, [0]);

/** A file, with a hole where it has no part. */
interface SparseFile {
  readonly size: number;
  readonly parts: readonly (readonly [offset: number, bytes: Uint8Array])[];
}

/** Runs a command with a file as its argument, in limited time; it must fail with a message. */
function expectRefusal(command: string, name: string, file: SparseFile, message: RegExp): void {
  const { status, said } = run(command, name, file);
  expect(said).toMatch(message);
  expect(status).toBe(1);
}

function run(command: string, name: string, { size, parts }: SparseFile, cwd = temporaryFolder()) {
  const fd = openSync(join(cwd, name), 'w');
  ftruncateSync(fd, size);
  for (const [offset, bytes] of parts) writeSync(fd, bytes, 0, bytes.length, offset);
  closeSync(fd);
  const line = `ulimit -t ${SECONDS}; kexport ${command.replace('IMAGE', name)}`;
  const { status, stdout, stderr } = shell(line, cwd);
  return { status, said: stdout + stderr };
}

/** A table of big-endian numbers. */
function table(count: number, size: 4 | 8, valueOf: (index: number) => number): Buffer {
  const entries = Buffer.alloc(count * size);
  for (let i = 0; i < count; i++) {
    if (size === 4) entries.writeUInt32BE(valueOf(i), 4 * i);
    else entries.writeBigUInt64BE(BigInt(valueOf(i)), 8 * i);
  }
  return entries;
}

describe('a descriptor with', () => {
  const spaces = ' '.repeat(400_000);
  test.each([
    ['a value behind half a million spaces', `a=${spaces}"b"c`],
    ['an extent behind half a million spaces', `RW${spaces}1${spaces}flat`],
    ['a name of half a million letters', 'a'.repeat(400_000)],
  ])('%s is refused', (_, line) => {
    const text = Buffer.from(`# Disk DescriptorFile\ncreateType="monolithicFlat"\n${line}\n`);
    const file: SparseFile = { size: text.length, parts: [[0, text]] };
    expectRefusal('info IMAGE', 'x.vmdk', file, /line 3 of the descriptor cannot be read/);
  });
});

describe('a dynamic VHD whose table names one block a million times', () => {
  async function image(bitmap: number): Promise<SparseFile> {
    const count = 1_000_000;
    const block = 4 * MIB;
    const size = block + 512 + 2 * MIB + 512;
    const { bytes } = await writeImage(vhdDynamic(), DISK);
    const end = { ...footer.decode(bytes.subarray(-512)), currentSize: BigInt(count * 2 * MIB) };
    const head = dynamicHeader.decode(bytes.subarray(512));
    const values = { ...head, tableOffset: 2048n, maxTableEntries: count };
    return {
      size,
      parts: [
        [0, seal(footer, end)],
        [512, seal(dynamicHeader, values)],
        [2048, table(count, 4, () => block / 512)],
        [block, Buffer.alloc(512, bitmap)],
        [size - 512, seal(footer, end)],
      ],
    };
  }

  test.each([
    ['info IMAGE', 0xff],
    ['info IMAGE', 0],
    ['verify IMAGE', 0],
    ['raw IMAGE -o x.raw', 0],
  ])('is refused: %s, bitmaps of %i', async (command, bitmap) => {
    expectRefusal(command, 'x.vhd', await image(bitmap), /overlap/);
  });
});

describe('a VDI whose map names one block a million times', () => {
  async function image(): Promise<SparseFile> {
    const count = 1_000_000;
    const { bytes } = await writeImage(vdi(), DISK);
    const dataOffset = 5 * MIB;
    const header = vdiHeader.encode({
      ...vdiHeader.decode(bytes),
      diskSize: BigInt(count * MIB),
      blockCount: count,
      dataOffset,
    });
    const map: readonly [number, Buffer] = [
      vdiHeader.decode(bytes).mapOffset,
      Buffer.alloc(4 * count),
    ];
    return { size: dataOffset + MIB, parts: [[0, header], map] };
  }

  test.each(['info IMAGE', 'verify IMAGE', 'raw IMAGE -o x.raw'])(
    'is refused: %s',
    async (command) => {
      const message = /parts of the disk overlap|and so is another block/;
      expectRefusal(command, 'x.vdi', await image(), message);
    },
  );
});

describe('a qcow2', () => {
  async function header(values: Partial<ReturnType<typeof qcow2Header.decode>>) {
    const { bytes } = await writeImage(qcow2(), DISK);
    return Buffer.from(qcow2Header.encode({ ...qcow2Header.decode(bytes), ...values }));
  }

  test('with a million entries for one cluster that inflates to 2 MiB is refused', async () => {
    const cluster = 2 * MIB;
    const l2Tables = 4;
    const stream = deflateRawSync(Buffer.alloc(cluster), { level: 9, windowBits: 12 });
    const at = 8 * cluster;
    // "Compressed Clusters Descriptor": the sectors after the first, then the offset.
    const sectors = BigInt(Math.ceil(stream.length / 512));
    const entry = (1n << 62n) | (sectors << BigInt(62 - (21 - 8))) | BigInt(at);
    const l2 = Buffer.alloc(cluster);
    for (let i = 0; i < cluster / 8; i++) l2.writeBigUInt64BE(entry, 8 * i);
    const size = BigInt(l2Tables * (cluster / 8) * cluster);
    const parts = Array.from({ length: l2Tables }, (_, i) => [(2 + i) * cluster, l2] as const);
    const file: SparseFile = {
      size: at + cluster,
      parts: [
        [
          0,
          await header({ clusterBits: 21, size, l1Size: l2Tables, l1TableOffset: BigInt(cluster) }),
        ],
        [cluster, table(l2Tables, 8, (i) => (2 + i) * cluster)],
        ...parts,
        [at, stream],
      ],
    };
    expectRefusal('info IMAGE', 'x.qcow2', file, /is in two places/);
    expectRefusal('raw IMAGE -o x.raw', 'x.qcow2', file, /is in two places/);
  });

  const SPARSE = 2 ** 32;

  test.each([9, 16])(
    'with 4 million tables in a hole, in clusters of 2^%i bytes, is read',
    async (clusterBits) => {
      const clusterSize = 2 ** clusterBits;
      const count = 2 ** 22;
      const first = 2 ** 26;
      const disk = BigInt(count * (clusterSize / 8) * clusterSize);
      const values = { clusterBits, size: disk, l1Size: count, l1TableOffset: 65_536n };
      const file: SparseFile = {
        size: first + count * clusterSize,
        parts: [
          [0, await header({ ...values, refcountTableOffset: BigInt(2 ** 25 + 2 ** 17) })],
          [65_536, table(count, 8, (i) => first + i * clusterSize)],
        ],
      };
      expect(run('info IMAGE', 'x.qcow2', file)).toMatchObject({ status: 0 });
    },
  );

  test('with 65,536 snapshots of one long table is found damaged', async () => {
    const extra = Buffer.alloc(16);
    extra.writeBigUInt64BE(BigInt(DISK.size), 8);
    const entry = (i: number) =>
      Buffer.concat([
        snapshot.encode({
          l1TableOffset: BigInt(SPARSE / 2),
          l1Size: 2 ** 22,
          idSize: 0,
          nameSize: 0,
          seconds: i,
          nanoseconds: 0,
          guestClock: 0n,
          vmStateSize: 0,
          extraSize: extra.length,
        }),
        extra,
      ]);
    const values = { snapshotCount: 65_536, snapshotsOffset: BigInt(MIB) };
    const { bytes } = await writeImage(qcow2(), DISK);
    const file: SparseFile = {
      size: SPARSE,
      parts: [
        [0, bytes],
        [0, await header(values)],
        [MIB, Buffer.concat(Array.from({ length: 65_536 }, (_, i) => entry(i)))],
      ],
    };
    expectRefusal('verify IMAGE', 'x.qcow2', file, /two tables/);
  });
});

test('a VMDK with 8 million tables in a hole is read', async () => {
  const { bytes } = await writeImage(vmdk(), DISK);
  const count = 2 ** 23;
  const grain = 8; // sectors
  const directory = 65_536;
  const firstTable = 2 ** 17; // the sector of the first table
  const entries = Buffer.alloc(4 * count);
  for (let i = 0; i < count; i++) entries.writeUInt32LE(firstTable + 4 * i, 4 * i);
  const header = vmdkHeader.encode({
    ...vmdkHeader.decode(bytes),
    flags: 1,
    compressAlgorithm: 0,
    grainSize: BigInt(grain),
    capacity: BigInt(count * 512 * grain),
    gdOffset: BigInt(directory / 512),
    rgdOffset: 0n,
    descriptorOffset: 1n,
    descriptorSize: 20n,
    overHead: 128n,
  });
  const text = `# Disk DescriptorFile
createType="monolithicSparse"
RW ${count * 512 * grain} SPARSE "x.vmdk"
`;
  const file: SparseFile = {
    size: (firstTable + 4 * count) * 512,
    parts: [
      [0, header],
      [512, Buffer.from(text)],
      [directory, entries],
    ],
  };
  expect(run('info IMAGE', 'x.vmdk', file)).toMatchObject({ status: 0 });
});

test('an OVA of thousands of long pax records is refused', () => {
  const [member] = encodeMember({ name: 'x', bytes: Buffer.alloc(0), mtime: 0 });
  const header = Buffer.from(member!);
  header.write('x', 156, 'latin1');
  header.write('00004000000\0', 124, 'latin1');
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  const parts = Array.from({ length: 4096 }, (_, i) => [i * (512 + MIB), header] as const);
  const file: SparseFile = { size: 4096 * (512 + MIB), parts };
  expectRefusal('info IMAGE', 'x.ova', file, /pax records of 2097152 bytes/);
});

describe('the holes of a file of 8 TiB are not read', () => {
  const size = 8 * 2 ** 40;
  const file: SparseFile = { size, parts: [[size / 2, Buffer.from('data')]] };

  test('of a raw disk', () => {
    const { status, said } = run('verify IMAGE', 'x.raw', file);
    expect(said).toContain(`all ${size} bytes of the disk can be read`);
    expect(status).toBe(0);
  });

  test('of a flat vmdk', () => {
    const descriptor = `# Disk DescriptorFile
createType="monolithicFlat"
RW ${size / 512} FLAT "x.raw" 0
`;
    const cwd = folderWith({ 'x.vmdk': descriptor });
    const command = `verify --allow-backing x.vmdk --against x.raw`;
    const { status, said } = run(command, 'x.raw', file, cwd);
    expect(said).toContain('the same disk as x.raw');
    expect(status).toBe(0);
  });
});
