import { ALL_FORMATS, FORMATS } from '../../../formats/index.ts';
import { HELP } from '../command-line/help-command.ts';
import {
  type NamedCommand,
  only,
  type Operand,
  type OptionGroup,
  type Program,
  type Section,
} from '../command-line/program.ts';
import { type OptionName, OVA_OPTIONS } from '../options/options.ts';

const EXPORT_OPTIONS: readonly OptionGroup[] = [
  {
    title: 'Images',
    options: [
      'output',
      'outputDir',
      'name',
      'force',
      'mode',
      'checksums',
      'zip',
      'verify',
      'keepGoing',
      'dryRun',
    ],
  },
  {
    title: 'Disk',
    options: ['size', 'from', 'allowBacking', 'ovaDisk', 'allowTruncated', 'readHoles', 'keepGpt'],
  },
  { title: 'ZFS', options: ['noSnapshot', 'liveInconsistent'] },
  {
    title: 'zfs send streams',
    options: ['backingFile', 'flatten', 'incrementalFrom', 'streamVolume', 'streamSnapshot'],
  },
  {
    title: 'Disk in use by a pool of this machine',
    options: ['checkpoint', 'includeSwap', 'allSectors', 'keepIntentLog', 'checkpointLimit'],
  },
  {
    title: 'Compression',
    options: ['compression', 'level', 'optimize', 'threads', 'compressor'],
  },
  { title: 'vhd', options: ['vhdAlign'] },
  { title: 'vhdx', options: ['vhdxFixed'] },
  {
    title: 'ova',
    options: ['firmware', ...OVA_OPTIONS],
  },
  { title: 'Messages', options: ['json', 'quiet', 'verbose', 'logFile'] },
];

const COMMON_OPTIONS: ReadonlySet<OptionName> = new Set([
  'output',
  'outputDir',
  'name',
  'force',
  'checksums',
  'verify',
  'size',
  'from',
  'backingFile',
  'flatten',
  'incrementalFrom',
  'checkpoint',
  'dryRun',
  'compression',
  'level',
  'threads',
  'json',
  'quiet',
]);

const FORMATS_OPERAND: Operand = {
  name: 'FORMATS',
  summary: 'one format, several as in qcow2,raw, or all',
};

const OUTDIR: Operand = {
  name: 'OUTDIR',
  summary: 'folder for the images, like --output-dir',
  isOptional: true,
};

/** In the order of help. */
const COMMANDS: readonly NamedCommand[] = [
  {
    name: 'info',
    summary: 'Show what an image is, and what is on its disk.',
    operands: [
      {
        name: 'IMAGE',
        summary: 'an image, a disk, or a zfs send stream (- for stdin)',
        isRepeated: true,
      },
    ],
    options: only('from', 'allowBacking', 'ovaDisk', 'json'),
    load: () => import('../commands/info.ts'),
  },
  {
    name: 'convert',
    summary: 'Make images of the disk in an image.',
    operands: [{ name: 'IMAGE', summary: 'an image or a disk' }, FORMATS_OPERAND, OUTDIR],
    options: EXPORT_OPTIONS,
    load: () => import('../commands/convert.ts'),
    excessHint: 'one image is converted at a time',
  },
  {
    name: 'verify',
    summary: 'Check an image, and compare its disk with another.',
    operands: [
      {
        name: 'IMAGE',
        summary: 'an image, or a zfs send stream (- for stdin)',
        isRepeated: true,
      },
    ],
    options: only(
      'against',
      'from',
      'againstFrom',
      'allowBacking',
      'ovaDisk',
      'threads',
      'json',
      'quiet',
    ),
    load: () => import('../commands/verify.ts'),
  },
  {
    name: 'sources',
    summary: 'List the ZFS volumes, snapshots and disks that can be exported.',
    operands: [],
    options: only('json'),
    load: () => import('../commands/sources.ts'),
  },
  {
    name: 'clean',
    summary: 'Remove what killed exports left in ZFS pools.',
    operands: [],
    options: only('dryRun'),
    load: () => import('../commands/clean.ts'),
  },
  {
    name: 'snap',
    summary: 'Snapshot ZFS: the same as ksnap.',
    operands: [{ name: 'WORD', summary: 'what ksnap takes', isRepeated: true }],
    options: only(),
    load: () => import('../commands/snap.ts'),
  },
  {
    name: 'completion',
    summary: 'Print the script that completes command lines in a shell.',
    operands: [
      { name: 'SHELL', summary: 'bash, zsh or fish' },
      { name: 'WORD', summary: 'what the scripts ask with', isOptional: true, isRepeated: true },
    ],
    options: only(),
    load: () => import('../commands/completion.ts'),
  },
  HELP,
];

const FORMATS_SECTION: Section = {
  title: `Formats (all: ${ALL_FORMATS.join(',')})`,
  rows: Object.values(FORMATS).map((create) => {
    const { name, title } = create();
    return [name, title];
  }),
};

const EXAMPLES: Section = {
  title: 'Examples',
  rows: [
    ['kexport all /dev/sda'],
    ['kexport all tank/vm-100-disk-0'],
    ['kexport qcow2,raw disk.img --output-dir /srv/images --name web1'],
    ['ssh host cat /dev/vda | kexport qcow2 - -o vda.qcow2'],
  ],
};

export const KEXPORT: Program = {
  name: 'kexport',
  summary: 'Make disk images for every hypervisor and cloud, all in one read of the disk.',
  main: {
    summary: 'Make images of a disk.',
    operands: [
      FORMATS_OPERAND,
      {
        name: 'DISK',
        summary: 'a file, a device, a ZFS volume or snapshot, or - for stdin',
        isOptional: true,
      },
      OUTDIR,
    ],
    options: EXPORT_OPTIONS,
    commonOptions: COMMON_OPTIONS,
    load: () => import('../commands/export.ts'),
    excessHint: 'one disk is exported at a time',
  },
  commands: COMMANDS,
  sections: [FORMATS_SECTION, EXAMPLES],
};
