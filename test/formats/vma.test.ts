// VMAs of ours, to a reader that was made from Proxmox's specification alone: support/vma.py.

import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BLOCK_SIZE, vma, type VmaOptions } from '../../formats/index.ts';
import { diskWithBlocks, noise, text, type TestDisk, writeDisk } from '../support/disks.ts';
import { temporaryFolder } from '../support/folder.ts';
import { MemoryImage } from '../support/memory-image.ts';
import { describeWith, PYTHON, readVma, run } from '../support/peers.ts';
import { requestOf, writeImage } from '../support/write-image.ts';

const GIB = 2 ** 30;
const HEADER = 12_288 + 512;
const EXTENT = 512;

const DISKS: TestDisk[] = [
  diskWithBlocks(512, [0], 'one sector'),
  diskWithBlocks(5 * BLOCK_SIZE, [], 'zeros in less than an extent'),
  diskWithBlocks(59 * BLOCK_SIZE, [58], 'one extent'),
  diskWithBlocks(60 * BLOCK_SIZE, [59], 'an extent and a cluster'),
  diskWithBlocks(600 * BLOCK_SIZE + 512, [0, 60, 61, 118, 599, 600], 'an odd tail'),
  {
    name: 'pages of text and noise within clusters',
    size: 4 * BLOCK_SIZE + 5 * 512,
    pieces: [
      { offset: 4096, bytes: noise(4096) },
      { offset: 3 * 4096 + 512, bytes: text(512) },
      { offset: 15 * 4096, bytes: text(8192) },
      { offset: 4 * BLOCK_SIZE + 2048, bytes: noise(512) },
    ],
  },
];

describeWith([PYTHON], 'a VMA to a reader as strict as Proxmox', () => {
  test.each(DISKS.map((disk) => [disk.name, disk] as const))('is its disk: %s', async (_, disk) => {
    const folder = temporaryFolder();
    const [archive, expected] = [join(folder, 'x.vma'), join(folder, 'disk')];
    (await writeImage(vma(), disk)).save(archive);
    writeDisk(expected, disk);
    readVma(archive, folder);
    const found = join(folder, 'drive-scsi0.raw');
    expect(statSync(found).size).toBe(disk.size);
    run('cmp', found, expected);
  });
});

describe('the size of a VMA', () => {
  test('grows with the pages that are not zeros, and 512 bytes for each 59 clusters', async () => {
    const disk = diskWithBlocks(100 * GIB, [0, 2 ** 20]);
    const { position } = await writeImage(vma(), disk);
    const extents = Math.ceil(disk.size / BLOCK_SIZE / 59);
    expect(position).toBe(HEADER + extents * EXTENT + 2 * BLOCK_SIZE);
  });
});

test('blocks that do not ascend are a bug of the caller', async () => {
  const image = new MemoryImage();
  const writer = await vma().write(requestOf(vma(), image, { size: GIB }));
  const block = { bytes: text(BLOCK_SIZE), length: BLOCK_SIZE, compressed: () => text(1) };
  writer.add({ ...block, index: 7 });
  expect(() => writer.add({ ...block, index: 7 })).toThrow(RangeError);
});

describeWith([PYTHON], 'the machine of a VMA', () => {
  async function machine(options: VmaOptions, name = 'web1'): Promise<string[]> {
    const folder = temporaryFolder();
    const archive = join(folder, 'x.vma');
    const image = await writeImage(vma(options), diskWithBlocks(512, [0]), { identity: { name } });
    image.save(archive);
    return readVma(archive, folder).trimEnd().split('\n');
  }

  test('is in lines that Proxmox reads', async () => {
    expect(await machine({})).toEqual([
      '== qemu-server.conf',
      'bios: ovmf',
      'boot: order=scsi0',
      'cores: 4',
      'cpu: host',
      'memory: 4096',
      'name: web1',
      'net0: virtio=BC:24:11:1D:1E:1F,bridge=vmbr0',
      'ostype: l26',
      'scsi0: local:100/vm-100-disk-0.raw',
      'scsihw: virtio-scsi-pci',
      'smbios1: uuid=10111213-1415-4617-b819-1a1b1c1d1e1f',
      'sockets: 1',
      '#qmdump#map:scsi0:drive-scsi0::raw:',
    ]);
  });

  test.each<[string, VmaOptions, string[], string[]]>([
    ['its size', { cpus: 2, memory: 1024 }, ['cores: 2', 'memory: 1024'], []],
    ['BIOS, which is the default of Proxmox', { firmware: 'bios' }, [], ['bios: ']],
    ['no network card', { nic: 'none' }, [], ['net0: ']],
    ['a card', { nic: 'E1000' }, ['net0: e1000=BC:24:11:1D:1E:1F,bridge=vmbr0'], []],
    [
      'a controller that is no SCSI',
      { diskController: 'sata' },
      ['boot: order=sata0', '#qmdump#map:sata0:drive-sata0::raw:'],
      ['scsihw: '],
    ],
    ['a SCSI controller', { diskController: 'VirtualSCSI' }, ['scsihw: pvscsi'], []],
    [
      'what Windows has drivers for',
      { osType: 'windows2019srv_64Guest' },
      ['ostype: win10', 'boot: order=sata0', 'net0: e1000=BC:24:11:1D:1E:1F,bridge=vmbr0'],
      [],
    ],
    ['a BSD', { osType: 'freebsd12_64Guest' }, ['ostype: other', 'scsihw: virtio-scsi-pci'], []],
  ])('has %s', async (_, options, has, lacks) => {
    const lines = await machine(options);
    expect(lines).toEqual(expect.arrayContaining(has));
    for (const start of lacks) expect(lines.some((line) => line.startsWith(start))).toBe(false);
  });

  test.each([
    ['My_Server 1', 'My-Server-1'],
    ['web1.example.com', 'web1.example.com'],
    ['-a-.é..b', 'a.b'],
    ['_', 'vm'],
  ])('has a name that DNS allows: %s', async (vmName, expected) => {
    expect(await machine({ vmName })).toContain(`name: ${expected}`);
  });

  test('is refused if Proxmox has no such controller', () => {
    expect(() => vma({ diskController: 'nvme' })).toThrow(
      'vma: Proxmox has no disk controller like nvme',
    );
  });
});

test('the reader of the tests finds a broken archive', async () => {
  const folder = temporaryFolder();
  const archive = join(folder, 'x.vma');
  const { bytes } = await writeImage(vma(), diskWithBlocks(60 * BLOCK_SIZE, [3]));
  const cases: [number, RegExp][] = [
    [40, /a wrong MD5/],
    [HEADER + 100, /a wrong MD5/],
  ];
  for (const [at, message] of cases) {
    const image = new MemoryImage();
    image.append(bytes);
    image.patch(at, Uint8Array.of((bytes[at] ?? 0) ^ 1));
    image.save(archive);
    expect(readFileSync(archive)).toHaveLength(bytes.length);
    expect(() => readVma(archive, folder)).toThrow(message);
  }
});
