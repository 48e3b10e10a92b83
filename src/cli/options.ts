import { InvalidArgumentError, Option } from 'commander';
import { FORMATS } from '../../formats/index.ts';
import { DISK_CONTROLLERS, OS_TYPES } from '../../formats/ova/machine.ts';
import { COMPRESSORS } from '../compress/compressor.ts';
import { parseSize } from './sizes.ts';

const MIB = 2 ** 20;

/** What --from takes. */
export const FROM_FORMATS: readonly string[] = Object.keys(FORMATS);
/** Where what is read front to back is taken too. */
export const FROM_ALL: readonly string[] = [...FROM_FORMATS, 'zfs-send', 'gz', 'zip'];

/** The options of an export, in groups as --help-all shows them. */
export const OPTION_GROUPS: readonly (readonly [title: string, options: readonly Option[]])[] = [
  [
    'Images:',
    [
      new Option('-o, --output <file>', 'the image: a file, a block device (raw), or - for stdout'),
      new Option('--output-dir <dir>', 'folder for the images (default: the current one)'),
      new Option('--name <name>', 'file name without extension (default: KEXPORT_NAME, or a date)'),
      new Option('--force', 'replace files; write to a device'),
      new Option('--checksums', 'write SHA256SUMS too'),
      new Option('--zip', 'put raw and vhd into a .zip as they are written'),
      new Option('--verify', 'read every image back and compare, before it gets its name'),
      new Option('--keep-going', 'if one image fails, go on with the others'),
    ],
  ],
  [
    'Disk:',
    [
      new Option('--size <size>', 'size of a pipe, which it must have (10G, 512M)').argParser(size),
      choice('--from <format>', 'what DISK is, whatever its name says', FROM_ALL),
      new Option(
        '--backing [image]',
        'open the files an image names; or what an increment is upon',
      ),
      new Option('--archive-disk <name>', 'of an OVA with several disks (default: the first)'),
      new Option('--read-holes', 'read a sparse file from end to end, its holes too'),
      new Option('--keep-gpt', 'leave the GPT alone where the disk is rounded up'),
    ],
  ],
  [
    'ZFS:',
    [
      new Option('--snapshot <name>', 'the snapshot wanted of a package of send streams'),
      new Option('--no-snapshot', 'read what lies on ZFS as it is, not from a snapshot'),
      new Option('--volume <name>', 'the volume wanted of a package, POOL/VOLUME'),
      new Option('--flatten <image>', 'the whole disk of an incremental stream and that image'),
      new Option(
        '--incremental-from <@snapshot>',
        'what VOLUME@SNAPSHOT has changed since, with --backing or --flatten',
      ),
      new Option('--live-inconsistent', 'copy the disk of a pool that is in use as it is read'),
    ],
  ],
  [
    'Disk of this machine:',
    [
      new Option('--disk <device>', 'another disk of this machine that a pool is in use on'),
      new Option('--dry-run', 'only say what an export of this machine would do'),
      new Option('--include-swap', 'copy what is in swap partitions'),
      new Option('--all-sectors', 'copy what lies between the partitions and what pools have free'),
      new Option('--keep-intent-log', 'have an import replay what was synced after the checkpoint'),
      new Option(
        '--max-hold <size>',
        'what its checkpoint may hold back (default: half of the free)',
      ).argParser(size),
    ],
  ],
  [
    'Compression:',
    [
      choice('--compression <kind>', 'zlib (default), or zstd for qcow2', ['zlib', 'zstd']),
      new Option('--level <n>', '1 fastest; zlib to 9 (default: 6), zstd to 19 (3)').argParser(
        between(1, 19),
      ),
      choice('--optimize <for>', 'deflate window of 32 KiB (size) or 4 KiB (speed)', [
        'size',
        'speed',
      ]),
      threadsOption(),
      choice('--compressor <name>', 'default: wasm, our own', COMPRESSORS),
    ],
  ],
  [
    'vhd:',
    [choice('--vhd-align <unit>', 'round up to whole MiB (default), or not', ['mib', 'none'])],
  ],
  [
    'vhdx:',
    [new Option('--vhdx-fixed', 'with room for all of the disk (default: for what is not zeros)')],
  ],
  [
    'ova:',
    [
      new Option('--cpus <n>', 'default: 4').argParser(between(1, 1024)),
      new Option('--memory <size>', '4096 (MiB) or 4G (default)').argParser(memory),
      choice('--firmware <type>', 'default: efi', ['efi', 'bios']),
      new Option('--hw-version <n>', 'default: 14 (ESXi 6.7)').argParser(between(4, 99)),
      choice('--os-type <type>', 'the guest, as VMware calls it', Object.keys(OS_TYPES)),
      choice('--disk-controller <c>', 'default: lsilogic', Object.keys(DISK_CONTROLLERS)),
      choice('--nic <type>', 'default: E1000', ['E1000', 'E1000e', 'VmxNet3', 'none']),
      new Option('--vm-name <name>', "default: the images' name"),
      choice('--ovf-profile <p>', 'who must start it with EFI (default: vmware)', [
        'vmware',
        'virtualbox',
        'both',
      ]),
      choice('--manifest <hash>', 'default: sha256', ['sha256', 'sha1', 'sha512', 'none']),
    ],
  ],
  [
    'Messages:',
    [
      new Option('--json', 'the final table as JSON on stdout'),
      new Option('-q, --quiet', 'no progress and no table'),
    ],
  ],
];

/** What `--help` shows of them; `--help-all` shows the others too. */
export const COMMON_OPTIONS: ReadonlySet<string> = new Set([
  ...['output', 'output-dir', 'name', 'force', 'checksums', 'verify'],
  ...['size', 'from', 'backing', 'flatten', 'incremental-from'],
  ...['disk', 'dry-run'],
  ...['compression', 'level', 'threads'],
  ...['json', 'quiet'],
]);

/** How many threads work at once. */
export function threadsOption(): Option {
  return new Option('--threads <n>', 'default: one a processor').argParser(between(1, 256));
}

function choice(flags: string, description: string, choices: readonly string[]): Option {
  return new Option(flags, description).choices(choices);
}

function size(text: string): number {
  const bytes = parseSize(text);
  if (bytes === undefined) throw new InvalidArgumentError('Not a size such as 10G or 512M.');
  return bytes;
}

/** In MiB, as it is without a unit. */
function memory(text: string): number {
  const mebibytes = /^\d+$/.test(text) ? Number(text) : (parseSize(text) ?? NaN) / MIB;
  if (Number.isInteger(mebibytes)) return mebibytes;
  throw new InvalidArgumentError('Not a number of MiB, nor a size such as 4G.');
}

function between(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= low && value <= high) return value;
    throw new InvalidArgumentError(`Not a whole number from ${low} to ${high}.`);
  };
}
