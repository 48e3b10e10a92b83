// The images that are damaged: small, of every variant that we write, and of QEMU's if it is there.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FORMATS, type FormatName, ova } from '../../formats/index.ts';
import { encodeMember } from '../../formats/tar/encode-tar.ts';
import { TAR_END } from '../../formats/tar/layout.ts';
import { type TestDisk, text, writeDisk } from '../support/disks.ts';
import { differencingVhdx } from '../support/differencing-vhdx.ts';
import { logEntry, withLog } from '../support/vhdx-log.ts';
import { writeImage } from '../support/write-image.ts';

const MIB = 2 ** 20;

const DISK: TestDisk = {
  name: 'fuzz',
  size: 3 * MIB,
  pieces: [
    { offset: 0, bytes: text(70_000) },
    { offset: 2 * MIB, bytes: text(140_000, 2) },
  ],
};

const BY_QEMU: Partial<
  Record<FormatName, readonly (readonly [driver: string, options: string])[]>
> = {
  qcow2: [
    ['qcow2', 'compat=0.10'],
    ['qcow2', 'cluster_size=512'],
    ['qcow2', 'cluster_size=2M'],
    ['qcow2', 'extended_l2=on,cluster_size=128k'],
    ['qcow2', 'refcount_bits=1'],
    ['qcow2', 'lazy_refcounts=on,compression_type=zstd'],
    ['qcow2', 'data_file=data'], // only its tables
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
  ],
};

/** Images of a format, ours first. */
export async function seedsOf(name: FormatName): Promise<Buffer[]> {
  const ours = (await writeImage(FORMATS[name](), DISK)).bytes;
  if (name === 'ova') return [ours, ...(await otherArchives())];
  if (name === 'vhdx') return [ours, withEntries(ours), await withParent(), ...byQemu(name)];
  return [ours, ...byQemu(name)];
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

function withParent(): Promise<Buffer> {
  const parent_linkage = '{10111213-1415-4617-b819-1a1b1c1d1e1f}';
  return differencingVhdx({ parent_linkage, relative_path: '.\\parent.vhdx' });
}

/** An archive for VirtualBox, and one of two disks: a dynamic VHD and a VMDK of QEMU. */
async function otherArchives(): Promise<Buffer[]> {
  const ours = (await writeImage(ova({ profile: 'both', manifest: 'sha1' }), DISK)).bytes;
  const images = {
    'a.vhd': (await writeImage(FORMATS['vhd-dynamic'](), DISK)).bytes,
    'b.vmdk': byQemu('vmdk')[0],
  };
  const found = Object.entries(images).flatMap(([name, bytes]) => (bytes ? [{ name, bytes }] : []));
  const members = [{ name: 'two.ovf', bytes: Buffer.from(TWO_DISKS) }, ...found];
  const parts = members.flatMap(({ name, bytes }) => encodeMember({ name, bytes, mtime: 0 }));
  return [ours, Buffer.concat([...parts, Buffer.alloc(TAR_END)])];
}

const TWO_DISKS = `<?xml version='1.0'?>
<Envelope xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/2">
  <References><File ovf:id="f1" ovf:href="a.vhd"/><File ovf:id="f2" ovf:href="b.vmdk"/></References>
  <DiskSection>
    <Disk ovf:diskId="d1" ovf:fileRef="f1" ovf:capacity="3" ovf:capacityAllocationUnits="byte * 2^20" ovf:format="#vhd"/>
    <Disk ovf:diskId="d2" ovf:fileRef="f2" ovf:capacity="3145728" ovf:format="#sparse"/>
  </DiskSection>
  <VirtualSystem ovf:id="vm"><Name>a &amp; b&#x21;</Name><VirtualHardwareSection>
    <StorageItem><rasd:InstanceID>1</rasd:InstanceID><rasd:Parent>7</rasd:Parent>
    <rasd:HostResource>ovf:/disk/d2</rasd:HostResource></StorageItem>
  </VirtualHardwareSection></VirtualSystem>
</Envelope>`;

function byQemu(name: FormatName): Buffer[] {
  const folder = mkdtempSync(join(tmpdir(), 'kexport-fuzz-'));
  const disk = join(folder, 'disk');
  const image = join(folder, 'image');
  try {
    writeDisk(disk, DISK);
    return (BY_QEMU[name] ?? []).flatMap(([driver, options]) => {
      const canCompress = driver === 'qcow2' && !options.startsWith('data_file');
      const compression = canCompress ? [[], ['-c']] : [[]];
      return compression.map((flags) => {
        const args = ['convert', ...flags, '-O', driver, '-o', options, disk, image];
        execFileSync('qemu-img', args, { cwd: folder });
        return readFileSync(image);
      });
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
