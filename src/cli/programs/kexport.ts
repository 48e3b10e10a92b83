import { HELP } from '../command-line/help-command.ts';
import {
  type NamedCommand,
  only,
  type Operand,
  type OptionGroup,
  type Program,
} from '../command-line/program.ts';
import { MACHINE_OPTIONS, type OptionName, OVA_OPTIONS } from '../options/options.ts';
import { FOOTER, SECTIONS, TOPICS } from './kexport-topics.ts';

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
      'bmap',
      'verify',
      'keepGoing',
      'dryRun',
    ],
  },
  {
    title: 'Disk',
    options: [
      'size',
      'from',
      'allowBacking',
      'ovaDisk',
      'internalSnapshot',
      'allowTruncated',
      'readHoles',
      'cachedRead',
      'keepGpt',
    ],
  },
  { title: 'Stores', options: ['endpoint', 'connections'] },
  { title: 'Other work on this machine', options: ['limitRate', 'nice'] },
  { title: 'ZFS and LVM', options: ['noSnapshot', 'snapshotSize', 'liveInconsistent'] },
  {
    title: 'zfs send streams',
    options: ['backingFile', 'flatten', 'incrementalFrom', 'streamVolume', 'streamSnapshot'],
  },
  {
    title: 'Disk in use by a pool of this machine',
    options: [
      'checkpoint',
      'disk',
      'wholePool',
      'includeSwap',
      'allSectors',
      'keepIntentLog',
      'checkpointLimit',
    ],
  },
  {
    title: 'Golden image of this machine',
    options: ['generalize', 'diskSize', 'bootEnvironment', 'withSnapshots'],
  },
  {
    title: 'Compression',
    options: ['compression', 'level', 'optimize', 'threads', 'compressor'],
  },
  { title: 'vhd', options: ['vhdAlign'] },
  { title: 'vhdx', options: ['vhdxFixed'] },
  { title: 'machine', options: ['firmware', ...MACHINE_OPTIONS] },
  { title: 'ova', options: OVA_OPTIONS },
  { title: 'Messages', options: ['json', 'quiet', 'verbose', 'logFile'] },
];

/** Of the short help. */
const COMMON_OPTIONS: ReadonlySet<OptionName> = new Set(['output', 'name', 'force', 'verify']);

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
    options: only(
      'identity',
      'map',
      'from',
      'allowBacking',
      'ovaDisk',
      'internalSnapshot',
      'endpoint',
      'connections',
      'json',
    ),
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
      'internalSnapshot',
      'noSnapshot',
      'endpoint',
      'connections',
      'threads',
      'json',
      'quiet',
    ),
    load: () => import('../commands/verify.ts'),
  },
  {
    name: 'sources',
    summary: 'List the disks, ZFS volumes and snapshots to export.',
    operands: [],
    options: only('json'),
    load: () => import('../commands/sources.ts'),
  },
  {
    name: 'page',
    isRare: true,
    summary: 'Serve a page that converts disk images in a browser on this machine.',
    operands: [],
    options: only('port'),
    load: () => import('../commands/page.ts'),
  },
  {
    name: 'clean',
    summary: 'Remove what killed exports left on this machine.',
    operands: [],
    options: only('dryRun'),
    load: () => import('../commands/clean.ts'),
  },
  {
    name: 'snap',
    isRare: true,
    summary: 'Snapshot ZFS: the same as ksnap.',
    operands: [{ name: 'WORD', summary: 'what ksnap takes', isRepeated: true }],
    options: only(),
    load: () => import('../commands/snap.ts'),
  },
  {
    name: 'completion',
    isRare: true,
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

export const KEXPORT: Program = {
  name: 'kexport',
  summary: 'Make disk images for every hypervisor and cloud, all in one read of the disk.',
  main: {
    summary: 'Make images of a disk.',
    operands: [
      FORMATS_OPERAND,
      {
        name: 'DISK',
        summary: 'files, devices, ZFS volumes or snapshots, or - for stdin',
        isOptional: true,
        isRepeated: true,
      },
      OUTDIR,
    ],
    options: EXPORT_OPTIONS,
    commonOptions: COMMON_OPTIONS,
    load: () => import('../commands/export.ts'),
  },
  commands: COMMANDS,
  topics: TOPICS,
  sections: SECTIONS,
  footer: FOOTER,
};
