// What the help of kexport has besides commands and options.

import { ALL_FORMATS, FORMATS } from '../../../formats/index.ts';
import type { Section, Topic } from '../command-line/program.ts';

const FORMATS_SECTION: Section = {
  title: `Formats (all: ${ALL_FORMATS.join(',')})`,
  rows: Object.values(FORMATS).map((create) => {
    const { name, title } = create();
    return [name, title];
  }),
};

export const TOPICS: readonly Topic[] = [
  {
    name: 'formats',
    summary: 'The formats of images, how they are compressed, and their own options.',
    groups: ['Compression', 'vhd', 'vhdx'],
    sections: [FORMATS_SECTION],
  },
  {
    name: 'zfs',
    summary: 'Options for ZFS: volumes, zfs send streams, and the disk of a pool in use.',
    groups: [
      'ZFS and LVM',
      'zfs send streams',
      'Disk in use by a pool of this machine',
      'Golden image of this machine',
    ],
    sections: [
      {
        title: 'Examples',
        rows: [
          ['kexport all                       # this machine, with its root on ZFS'],
          ['kexport all --generalize          # a copy of it that is a machine of its own'],
          ['kexport qcow2 tank/vm-100-disk-0  # a volume, from a snapshot'],
          ['zfs send tank/vm@monday | kexport qcow2 -'],
          ['kexport qcow2 tank/vm@b --incremental-from @a --backing-file vm.qcow2'],
        ],
      },
    ],
  },
  {
    name: 'machine',
    summary: 'Options of the machine that an ova, a vma and such describe.',
    groups: ['machine', 'ova'],
    sections: [
      {
        title: 'Examples',
        rows: [
          ['kexport ova disk.img --cpus 2 --memory 8G --firmware bios --vm-name web1'],
          ['kexport vma tank/vm -o - --cpus 2 | ssh pve qmrestore - 100 --storage vm'],
        ],
      },
    ],
  },
];

export const SECTIONS: readonly Section[] = [
  FORMATS_SECTION,
  {
    title: 'Exit status',
    rows: [
      ['0', 'done; of verify: sound, and the same disk'],
      ['1', 'failed; of verify: damaged, or another disk'],
      ['2', 'the command line makes no sense'],
      ['3', 'of verify: a file cannot be read, or the answer cannot be written'],
      ['70', 'a bug in kexport, which says so; what the run made is removed'],
      ['129, 130, 143', 'ended by SIGHUP, by Ctrl-C, by SIGTERM; nothing is left behind'],
    ],
  },
  {
    title: 'Environment',
    rows: [
      ['KEXPORT_NAME', 'name of the images, if no --name gives one'],
      ['TMPDIR', 'folder for what must be spooled (default: /tmp)'],
      ['NO_COLOR', 'if set and not empty: no colors, unless --color always says so'],
    ],
  },
  {
    title: 'Examples',
    rows: [
      ['kexport all /dev/sda'],
      ['kexport all tank/vm-100-disk-0'],
      ['kexport qcow2,raw disk.img --output-dir /srv/images --name web1'],
      ['ssh host cat /dev/vda | kexport qcow2 - -o vda.qcow2'],
    ],
  },
];

/** In the short help, what SECTIONS and TOPICS have. */
export const FOOTER: readonly string[] = [
  `Formats: ${Object.keys(FORMATS).join(' ')}.`,
  `Every option: kexport --help-all. Topics: kexport help ${TOPICS.map(({ name }) => name).join('|')}.`,
  'Exit status: 0 done, 1 failed, 2 usage, 3 unreadable, 70 bug, 130 Ctrl-C.',
  'Environment: KEXPORT_NAME, TMPDIR (for spooling), NO_COLOR.',
  'Examples: kexport all /dev/sda; ssh host cat /dev/vda | kexport qcow2 -',
];
