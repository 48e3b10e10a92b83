// The images that are damaged: small, of every variant that we write, and of QEMU's if it is there.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FORMATS, type FormatName, ova, vhd as vhdFixed } from '../../../formats/index.ts';
import { encodeMember } from '../../../formats/tar/encode-tar.ts';
import { TAR_END } from '../../../formats/tar/layout.ts';
import { differencingVhdx } from '../../support/differencing-vhdx.ts';
import { type TestDisk, text, writeDisk } from '../../support/disks.ts';
import { logEntry, withLog } from '../../support/vhdx-log.ts';
import { writeImage } from '../../support/write-image.ts';
import type { Seed } from '../target.ts';

const MIB = 2 ** 20;

const DISK: TestDisk = {
  name: 'fuzz',
  size: 3 * MIB,
  pieces: [
    { offset: 0, bytes: text(70_000) },
    { offset: 2 * MIB, bytes: text(40_000, 2) },
  ],
};

/** Those that are hashed, or copied, as a whole. */
const ARCHIVES: readonly FormatName[] = [
  'ova',
  'containerdisk',
  'vagrant-libvirt',
  'vagrant-virtualbox',
];

/** For archives. */
const SMALL: TestDisk = {
  name: 'small',
  size: 192 * 1024,
  pieces: [{ offset: 64 * 1024, bytes: text(40_000) }],
};

/** What the files hold that an image names, where it is read with them. */
const BESIDE = Buffer.alloc(DISK.size, 'beside');

/** The images of a format that QEMU makes; none where it is not installed. */
export type ByQemu = (name: FormatName) => readonly Seed[];

type Made = readonly [driver: string, options: string, ...more: (readonly string[])[]];

/** Driver and options of `qemu-img convert`, then what is done to the image. */
const BY_QEMU: Partial<Record<FormatName, readonly Made[]>> = {
  qcow2: [
    ['qcow2', 'compat=0.10'],
    ['qcow2', 'cluster_size=512'],
    ['qcow2', 'cluster_size=256k'],
    ['qcow2', 'extended_l2=on,cluster_size=128k'],
    ['qcow2', 'refcount_bits=1'],
    ['qcow2', 'refcount_bits=64,preallocation=metadata'],
    ['qcow2', 'lazy_refcounts=on,compression_type=zstd'],
    ['qcow2', 'data_file=data'], // only its tables
    [
      'qcow2',
      'cluster_size=4k',
      ['qemu-img', 'snapshot', '-c', 'first', 'image'],
      ['qemu-io', '-c', 'write -P 1 4k 64k', '-c', 'write -z 1M 64k', 'image'],
      ['qemu-img', 'snapshot', '-c', 'second', 'image'],
      ['qemu-img', 'bitmap', '--add', 'image', 'nightly'],
      ['qemu-io', '-c', 'write -P 2 2M 8k', 'image'],
    ],
    ['qcow2', '', ['qemu-img', 'rebase', '-u', '-b', 'below.raw', '-F', 'raw', 'image']],
  ],
  vhd: [['vpc', 'subformat=fixed']],
  'vhd-dynamic': [['vpc', 'subformat=dynamic']],
  vhdx: [
    ['vhdx', 'block_size=1M'],
    ['vhdx', 'block_size=2M,block_state_zero=off'],
    ['vhdx', 'subformat=fixed,block_size=1M'],
  ],
  vdi: [
    ['vdi', 'static=off'],
    ['vdi', 'static=on'],
  ],
  vmdk: [
    ['vmdk', 'subformat=monolithicSparse'],
    ['vmdk', 'subformat=monolithicSparse,zeroed_grain=on'],
    ['vmdk', 'subformat=streamOptimized'],
    ['vmdk', 'subformat=monolithicFlat'], // only its descriptor
    ['vmdk', 'subformat=twoGbMaxExtentSparse'],
  ],
};

/** Images of a format, ours first. */
export async function imagesOf(name: FormatName, byQemu: ByQemu): Promise<Seed[]> {
  const disk = ARCHIVES.includes(name) ? SMALL : DISK;
  const ours = { name: 'ours', bytes: (await writeImage(FORMATS[name](), disk)).bytes };
  if (name === 'ova') return [ours, ...(await otherArchives(byQemu))];
  const more = name === 'vhdx' ? await otherVhdx(ours.bytes) : [];
  return [ours, ...more, ...byQemu(name)].flatMap((seed) =>
    namesOthers(seed) ? [seed, { ...seed, name: `${seed.name}, beside`, beside: BESIDE }] : seed,
  );
}

function namesOthers({ name }: Seed): boolean {
  return /data_file|Flat|twoGb/.test(name);
}

async function otherVhdx(ours: Buffer): Promise<Seed[]> {
  const parent_linkage = '{10111213-1415-4617-b819-1a1b1c1d1e1f}';
  const parent = { parent_linkage, relative_path: '.\\parent.vhdx' };
  return [
    { name: 'with a log', bytes: withEntries(ours) },
    { name: 'with a parent', bytes: await differencingVhdx(parent) },
  ];
}

/**
 * A VHDX that was not closed: an entry of its log writes to the block allocation table, another one
 * writes zeros beside it too.
 */
function withEntries(image: Buffer): Buffer {
  const table = 3 * MIB;
  const data = image.subarray(table, table + 4096);
  const first = logEntry({ sequence: 1, tail: 0, updates: [{ offset: table, data }] });
  const zeros = { offset: table + 4096, zeros: 8192 };
  const second = logEntry({ sequence: 2, tail: 0, updates: [{ offset: table, data }, zeros] });
  return withLog(image, [
    [0, first],
    [first.length, second],
  ]);
}

/** An archive for VirtualBox, and one of two disks: a fixed VHD and a VMDK of QEMU. */
async function otherArchives(byQemu: ByQemu): Promise<Seed[]> {
  const ours = (await writeImage(ova({ profile: 'both', manifest: 'sha1' }), SMALL)).bytes;
  const vhd = (await writeImage(vhdFixed({ align: 'none' }), SMALL)).bytes;
  const found = [
    { name: 'a.vhd', bytes: vhd },
    ...byQemu('vmdk')
      .slice(0, 1)
      .map(({ bytes }) => ({ name: 'b.vmdk', bytes })),
  ];
  const members = [{ name: 'two.ovf', bytes: Buffer.from(TWO_DISKS) }, ...found];
  const parts = members.flatMap(({ name, bytes }) => encodeMember({ name, bytes, mtime: 0 }));
  return [
    { name: 'for VirtualBox', bytes: ours },
    { name: 'of two disks', bytes: Buffer.concat([...parts, Buffer.alloc(TAR_END)]) },
  ];
}

const TWO_DISKS = `<?xml version='1.0'?>
<Envelope xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/2">
  <References><File ovf:id="f1" ovf:href="a.vhd"/><File ovf:id="f2" ovf:href="b.vmdk"/></References>
  <DiskSection>
    <Disk ovf:diskId="d1" ovf:fileRef="f1" ovf:capacity="192" ovf:capacityAllocationUnits="byte * 2^10" ovf:format="#vhd"/>
    <Disk ovf:diskId="d2" ovf:fileRef="f2" ovf:capacity="3145728" ovf:format="#sparse"/>
  </DiskSection>
  <VirtualSystem ovf:id="vm"><Name>a &amp; b&#x21;</Name><VirtualHardwareSection>
    <StorageItem><rasd:InstanceID>1</rasd:InstanceID><rasd:Parent>7</rasd:Parent>
    <rasd:HostResource>ovf:/disk/d2</rasd:HostResource></StorageItem>
  </VirtualHardwareSection></VirtualSystem>
</Envelope>`;

/** Makes them. */
export function makeByQemu(name: FormatName): readonly Seed[] {
  const folder = mkdtempSync(join(tmpdir(), 'kexport-fuzz-'));
  const inFolder = (program: string, ...args: readonly string[]) =>
    execFileSync(program, args, { cwd: folder, stdio: 'ignore' });
  try {
    writeDisk(join(folder, 'disk'), DISK);
    writeDisk(join(folder, 'below.raw'), DISK);
    return (BY_QEMU[name] ?? []).flatMap(([driver, options, ...more]) => {
      const canCompress =
        driver === 'qcow2' && more.length === 0 && !/data_file|prealloc/.test(options);
      // Of the largest clusters one image is enough.
      const compression = canCompress ? [...(options.includes('256k') ? [] : [[]]), ['-c']] : [[]];
      return compression.map((flags) => {
        const chosen = options === '' ? [] : ['-o', options];
        inFolder('qemu-img', 'convert', ...flags, '-O', driver, ...chosen, 'disk', 'image');
        for (const [program = '', ...args] of more) inFolder(program, ...args);
        const title = [...flags, options].join(' ');
        return { name: title, bytes: readFileSync(join(folder, 'image')) };
      });
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
