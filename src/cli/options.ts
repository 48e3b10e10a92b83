import { InvalidArgumentError, Option } from 'commander';
import { DISK_CONTROLLERS, OS_TYPES } from '../../formats/ova/machine.ts';
import { COMPRESSORS } from '../compress/compressor.ts';
import { parseSize } from './sizes.ts';

const MIB = 2 ** 20;

/** The options of an export, in groups as --help shows them. */
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
      new Option('--keep-going', 'if one image fails, go on with the others'),
    ],
  ],
  [
    'Disk:',
    [
      new Option('--size <size>', 'size of a pipe, which it must have (10G, 512M)').argParser(size),
      choice('--from <format>', 'what the disk is in, whatever it looks like', ['raw', 'zfs-send']),
      new Option('--volume <name>', 'of a package of zfs send streams, POOL/VOLUME'),
      new Option('--snapshot <name>', 'of that volume'),
      new Option('--backing <image>', 'qcow2 of an incremental stream, upon that image'),
      new Option('--flatten <image>', 'the whole disk of an incremental stream and that image'),
      new Option('--keep-gpt', 'leave the GPT alone where the disk is rounded up'),
    ],
  ],
  [
    'Compression:',
    [
      new Option('--level <1-9>', '1 fastest, 9 smallest (default: 6)').argParser(between(1, 9)),
      choice('--optimize <for>', 'deflate window of 32 KiB (size) or 4 KiB (speed)', [
        'size',
        'speed',
      ]),
      new Option('--threads <n>', 'default: one a processor').argParser(between(1, 256)),
      choice('--compressor <name>', 'default: wasm, our own', COMPRESSORS),
    ],
  ],
  [
    'vhd:',
    [choice('--vhd-align <unit>', 'round up to whole MiB (default), or not', ['mib', 'none'])],
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
