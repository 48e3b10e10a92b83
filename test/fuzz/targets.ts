// Every reader of what others make, with its inputs and the ways in which they are damaged.

import { readFileSync } from 'node:fs';
import { FORMATS, type FormatName, qcow2 } from '../../formats/index.ts';
import { capturedLabels } from '../support/zfs-labels.ts';
import { fixturePath } from '../support/project.ts';
import { diskSeeds } from './seeds/disks.ts';
import { FLAT_POOLS, makeFlatPool, POOL_PLACES, sealPool } from './seeds/flat-pool.ts';
import { type Mutation, numberAt } from './mutations.ts';
import type { Place } from './place.ts';
import { GZIP_PLACES, TAR_IN_GZIP, ZIP_PLACES, ZSTD_PLACES } from './places/compressed.ts';
import { DISK_PLACES } from './places/disk.ts';
import { BOX_CHANGES, CONTAINERDISK_CHANGES } from './places/machine.ts';
import { OVA_CHANGES } from './places/ova.ts';
import { QCOW2_PLACES } from './places/qcow2.ts';
import { SEND_CHANGES, sealStream } from './places/send.ts';
import { VDI_PLACES } from './places/vdi.ts';
import { VHD_DYNAMIC_PLACES, VHD_PLACES } from './places/vhd.ts';
import { VHDX_PLACES } from './places/vhdx.ts';
import { VMA_PLACES } from './places/vma.ts';
import { VMDK_CHANGES } from './places/vmdk.ts';
import { ZFS_LABEL_PLACES } from './places/zfs-label.ts';
import { compressedReader, readZip } from './readers/compressed.ts';
import { readInspected } from './readers/disk.ts';
import { imageReader } from './readers/image.ts';
import { readPool } from './readers/pool.ts';
import { readSent } from './readers/send.ts';
import { readZfsLabel } from './readers/zfs-label.ts';
import { compressedSeeds } from './seeds/compressed.ts';
import { type ByQemu, imagesOf } from './seeds/images.ts';
import type { Seed, Target } from './target.ts';

const fields = (places: readonly Place[]): readonly Mutation[] => [numberAt(places)];

/** Streams of every kind that are small. */
const STREAMS = [
  ...['empty-full', 'tail-full-a', 'tail-inc-b', 'grow-full-c', 'grow-inc-b', 'enc-plain'],
  ...['grow-R', 'chain-I', 'neg-encrypted-w', 'neg-resume-t', 'neg-filesystem'],
  ...['small-lz4-128k-full-c', 'zstd-16k-inc-c', 'gzip-16k-inc-ec', 'small-lzjb-16k-full-Lec'],
  'small-zle-16k-full-Lec',
];

/** The targets; `byQemu` gives the images of a format that QEMU makes. */
export function targetsWith(byQemu: ByQemu): readonly Target[] {
  return [
    image(byQemu, 'qcow2', fields(QCOW2_PLACES)),
    {
      name: 'qcow2-snapshot',
      seeds: async () =>
        (await imagesOf('qcow2', byQemu)).filter(({ name }) => name.includes('4k')),
      changes: fields(QCOW2_PLACES),
      read: imageReader(qcow2({ internalSnapshot: 'first' })),
    },
    image(byQemu, 'vhd', fields(VHD_PLACES)),
    image(byQemu, 'vhd-dynamic', fields(VHD_DYNAMIC_PLACES)),
    image(byQemu, 'vhdx', fields(VHDX_PLACES)),
    image(byQemu, 'vdi', fields(VDI_PLACES)),
    image(byQemu, 'vmdk', VMDK_CHANGES),
    image(byQemu, 'ova', OVA_CHANGES),
    image(byQemu, 'vma', fields(VMA_PLACES)),
    image(byQemu, 'containerdisk', CONTAINERDISK_CHANGES),
    image(byQemu, 'vagrant-libvirt', BOX_CHANGES),
    image(byQemu, 'vagrant-virtualbox', BOX_CHANGES),
    {
      name: 'gz',
      seeds: () => compressedSeeds('gz'),
      changes: fields(GZIP_PLACES),
      read: compressedReader('gz'),
    },
    {
      name: 'zst',
      seeds: () => compressedSeeds('zst'),
      changes: fields(ZSTD_PLACES),
      read: compressedReader('zst'),
    },
    {
      name: 'gce',
      seeds: () => compressedSeeds('tar.gz'),
      changes: [TAR_IN_GZIP, TAR_IN_GZIP, ...fields(GZIP_PLACES)],
      read: compressedReader('tar.gz'),
    },
    {
      name: 'zip',
      seeds: () => compressedSeeds('zip'),
      changes: fields(ZIP_PLACES),
      read: readZip,
    },
    {
      name: 'disk',
      seeds: () => Promise.resolve([...diskSeeds(), ...labels()]),
      changes: fields(DISK_PLACES),
      read: readInspected,
    },
    {
      name: 'zfs-label',
      seeds: () => Promise.resolve(labels()),
      changes: fields(ZFS_LABEL_PLACES),
      read: readZfsLabel,
    },
    {
      name: 'zfs-pool',
      seeds: () =>
        Promise.all(
          FLAT_POOLS.map(async (name) => ({ name, bytes: (await makeFlatPool(name)).bytes })),
        ),
      changes: fields(POOL_PLACES),
      seal: sealPool,
      read: readPool,
    },
    {
      name: 'zfs-send',
      seeds: () =>
        Promise.resolve(
          STREAMS.map((name) => ({
            name,
            bytes: readFileSync(fixturePath('zfs-send', `${name}.zfs`)),
          })),
        ),
      changes: SEND_CHANGES,
      seal: sealStream,
      read: readSent,
    },
  ];
}

function image(byQemu: ByQemu, name: FormatName, changes: readonly Mutation[]): Target {
  const format = FORMATS[name]();
  return { name, seeds: () => imagesOf(name, byQemu), changes, read: imageReader(format) };
}

/** The first label of vdevs, without the end of its ring. */
function labels(): Seed[] {
  return ['ashift9', 'ashift12', 'multihost', 'mirror-a'].map((name) => {
    const [first] = capturedLabels(name, 2 ** 30);
    if (!first) throw new Error(`${name} has no label`);
    return { name, bytes: first.label };
  });
}
