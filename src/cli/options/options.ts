import { type FormatName, FORMATS } from '../../../formats/index.ts';
import {
  type DiskController,
  isOsType,
  type MachineOptions,
  type OsType,
} from '../../../formats/machine.ts';
import { DISK_CONTROLLERS, OS_TYPES } from '../../../formats/ova/hardware.ts';
import { COMPRESSORS } from '../../compress/compressor.ts';
import type { FromFormat } from '../../open/source-options.ts';
import { COLOR_CHOICES } from '../print/color.ts';
import {
  flag,
  memory,
  oneOf,
  type Option,
  permissions,
  shaped,
  size,
  text,
  texts,
  wholeNumber,
} from './option.ts';

const READ_FORMATS: readonly FromFormat[] = [
  ...(Object.keys(FORMATS) as FormatName[]).filter((name) => name !== 'incus'), // is only written
  'zfs-send',
  'gz',
  'zst',
  'zip',
];

/**
 * Every option of every command: `outputDir` is `--output-dir`. An option means the same wherever
 * it is accepted; `kexport.ts` says which command accepts which.
 */
export const OPTIONS = {
  output: texts('FILE', 'write to FILE, a path, store or -; again for more', {
    short: 'o',
  }),
  outputDir: text('DIR', 'write the images to DIR', { default: 'the current folder' }),
  name: text('NAME', 'file name of the images, without extension', {
    default: '$KEXPORT_NAME, else as the image that is converted, else by the time',
  }),
  force: flag('replace existing files; write to a block device'),
  mode: permissions('permissions of the images, such as 0640', {
    default: '0600 of a device or volume, else by the umask',
  }),
  checksums: flag('write SHA256SUMS beside the images'),
  bmap: flag('write NAME.bmap beside raw images, for bmaptool'),
  zip: flag('put raw and vhd images into .zip files'),
  verify: flag('read each image back and compare before it gets its name'),
  keepGoing: flag('if one image fails, finish the others'),

  endpoint: text('URL', 'address of the store', { default: "its cloud's own" }),
  connections: wholeNumber([1, 256], 'requests to a store at the same time', {
    default: '8; 64 for EBS',
  }),

  size: size('size that the disk must have, also of a pipe (10G, 512M)'),
  from: oneOf('FORMAT', READ_FORMATS, 'read the disk or image as FORMAT, whatever its name'),
  allowBacking: flag('open the other files that an image names, in its folder'),
  ovaDisk: text('NAME', 'read only this disk of an OVA or a VMA', {
    default: 'each',
  }),
  internalSnapshot: text('NAME', 'read the disk as this snapshot in a qcow2 has it', {
    default: 'as it is now',
  }),
  allowTruncated: flag('take a pipe that ends before its disk does'),
  readHoles: flag('read the holes of a sparse file too'),
  cachedRead: flag('read a device through the page cache, not past it'),
  limitRate: size('read at most SIZE of the disk each second (10M)'),
  nice: flag('give way to other programs: lowest CPU priority, idle I/O class'),
  keepGpt: flag('leave the backup GPT where it is if the disk is rounded up'),

  noSnapshot: flag('read a volume or file as it is, while it may change'),
  snapshotSize: size('room for the snapshot of a logical volume that is not thin', {
    default: 'half of the free space',
  }),
  liveInconsistent: flag('copy a disk while it changes; freeze what is mounted of it'),
  checkpoint: flag('export a disk whose pool is in use, as of a pool checkpoint'),
  disk: texts('DISK', 'the same for DISK; again for more disks, at one instant'),
  wholePool: flag('the same for every disk of the pools on DISK, or of the root pool'),
  dryRun: flag('show what would be done, and do nothing'),
  includeSwap: flag('copy the contents of swap partitions'),
  allSectors: flag('copy the free space of pools, and what lies between partitions'),
  keepIntentLog: flag('keep the intent logs, which an import then replays'),
  checkpointLimit: size('end the export if the checkpoint holds back more than SIZE', {
    default: 'half of the free space',
  }),

  generalize: flag('make a golden image: this machine, with a new pool and without its identity'),
  diskSize: size('size of the disk of a golden image (8G)', { default: 'as it is' }),
  bootEnvironment: text('NAME', 'the boot environment that a golden image has', {
    default: 'the one that runs',
  }),
  withSnapshots: flag('keep the snapshots in a golden image, and what they have of the identity'),

  backingFile: text('BASE', 'write an overlay: a qcow2 of what the increment changes in BASE'),
  flatten: text('BASE', 'write the whole disk: BASE with the increment applied'),
  incrementalFrom: text('@SNAP', 'run zfs send from @SNAP (or #BOOKMARK) to DISK, a snapshot'),
  streamVolume: text('VOLUME', 'read this volume of a package of streams', {
    default: 'the only one',
  }),
  streamSnapshot: text('SNAP', 'read this snapshot of a package of streams', {
    default: 'the last',
  }),

  compression: oneOf(
    'KIND',
    ['zlib', 'zstd'],
    'how a qcow2 is compressed; raw.zst is always zstd, others always zlib',
    {
      default: 'zlib',
    },
  ),
  level: wholeNumber([1, 19], '1 is fastest; zlib has 9 levels, zstd 19', {
    default: '6; 3 for zstd',
  }),
  optimize: oneOf('GOAL', ['size', 'speed'], 'deflate with a window of 32 KiB or of 4 KiB'),
  threads: wholeNumber([1, 256], 'threads at work', { default: 'one per processor' }),
  compressor: oneOf('NAME', COMPRESSORS, 'implementation of zlib compression', {
    default: 'wasm',
  }),

  vhdAlign: oneOf('UNIT', ['mib', 'none'], 'round a vhd up to whole MiB, or not', {
    default: 'mib',
  }),
  vhdxFixed: flag('write a fixed vhdx, with room for all of the disk'),

  cpus: wholeNumber([1, 1024], 'processors', { default: '4' }),
  memory: memory('memory; in MiB without a unit', { default: '4G' }),
  firmware: oneOf('TYPE', ['efi', 'bios'], 'firmware; also checked for in the disk', {
    default: 'efi',
  }),
  hwVersion: wholeNumber([4, 99], 'VMware hardware version', { default: '14, of ESXi 6.7' }),
  osType: shaped(
    'TYPE',
    isOsType,
    Object.keys(OS_TYPES) as OsType[],
    'guest, by any of its names in VMware',
    { default: 'by the EFI boot loader, else otherLinux64Guest' },
  ),
  diskController: oneOf(
    'TYPE',
    Object.keys(DISK_CONTROLLERS) as DiskController[],
    'disk controller',
    { default: 'lsilogic; of vma and vagrant-libvirt virtio, sata for Windows' },
  ),
  nic: oneOf('TYPE', ['E1000', 'E1000e', 'VmxNet3', 'none'], 'network card', {
    default: 'E1000; of vma and vagrant-libvirt virtio, e1000 for Windows',
  }),
  vmName: text('NAME', 'name of the machine', { default: 'the name of the image' }),
  ovfProfile: oneOf('NAME', ['vmware', 'virtualbox', 'both'], 'whose description of EFI to write', {
    default: 'vmware',
  }),
  manifest: oneOf('HASH', ['sha256', 'sha1', 'sha512', 'none'], 'hash of the files', {
    default: 'sha256',
  }),

  port: wholeNumber([1, 65535], 'port of 127.0.0.1 to listen on', { default: 'a free one' }),

  identity: flag('list what the disk keeps of its machine, and what a clone needs'),
  map: flag('list where the disk lies in files, as qemu-img map does'),

  against: text('DISK', 'compare with DISK, a disk or an image, byte for byte'),
  againstFrom: oneOf('FORMAT', READ_FORMATS, 'read the DISK of --against as FORMAT'),

  json: flag('print the result as JSON on stdout'),
  verbose: flag('print what is read, how, and what is written', { short: 'v' }),
  logFile: text('FILE', 'append every message to FILE, with the time'),
  quiet: flag('print no progress and no summary', { short: 'q' }),

  color: oneOf('WHEN', COLOR_CHOICES, 'color messages', { default: 'auto: on a terminal' }),
  help: flag('show this help', { short: 'h' }),
  helpAll: flag('show every option'),
  version: flag('show the version', { short: 'V' }),
} satisfies Record<string, Option>;

export type OptionName = keyof typeof OPTIONS;

/** The options of a machine. Not `firmware`, for which the disk of any format is checked. */
export const MACHINE_OPTIONS = [
  'cpus',
  'memory',
  'hwVersion',
  'osType',
  'diskController',
  'nic',
  'vmName',
] as const satisfies readonly (OptionName & keyof MachineOptions)[];

/** The options of an OVA alone. */
export const OVA_OPTIONS: readonly OptionName[] = ['ovfProfile', 'manifest'];

type ValueOf<Definition> = Definition extends Option<infer Value> ? Value : never;

/** The values of the options that were given. */
export type Options = { readonly [Name in OptionName]?: ValueOf<(typeof OPTIONS)[Name]> };

/** The option as typed: `--output-dir`. */
export function longForm(name: OptionName): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
