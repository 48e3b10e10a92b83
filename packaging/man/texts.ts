// What the manual pages say besides commands and options.

type Rows = readonly (readonly [term: string, text: string])[];

/** What one page says; `code` as in Markdown. */
export interface PageText {
  /** Paragraphs. */
  readonly description: readonly string[];
  /** Without it, what the help of kexport says. */
  readonly exitStatus?: Rows;
  /** Of the variables that the help of kexport explains, those that it heeds. */
  readonly environment: readonly string[];
  /** Each a sentence, and what is typed. */
  readonly examples: Rows;
  /** Pages of other programs, such as `zfs(8)`, and of this one. */
  readonly seeAlso: readonly string[];
}

const EXIT_STATUS: Rows = [
  ['0', 'done'],
  ['1', 'failed'],
  ['2', 'the command line makes no sense'],
];

const EXPORT_ENVIRONMENT = ['KEXPORT_NAME', 'TMPDIR', 'NO_COLOR'];

/** By the name of the page. */
export const TEXTS: Readonly<Record<string, PageText>> = {
  kexport: {
    description: [
      'kexport reads a disk once, from its start to its end, and makes images of it for ' +
        'hypervisors and clouds: every format of `FORMATS` in that one read. Each block is ' +
        'compressed once for all of them. Memory does not grow with the disk.',
      'A disk is a file, a block device, a ZFS volume or one of its snapshots, a pipe, a ' +
        'stream of zfs-send(8), or another image. Without `DISK`, it is the disk that holds ' +
        'the pool of the root file system of this machine. `kexport sources` lists what this ' +
        'machine has.',
      'A regular file is what its name says, if its first bytes agree; `--from` overrides ' +
        'that. A device or a pipe is always a raw disk, since a guest controls its bytes; ' +
        'the exception is a zfs send stream in a pipe.',
      'The source is only read. A volume, and a file on ZFS, is read from a snapshot that ' +
        'is made for the export and destroyed after it. The disk of a pool in use is read as ' +
        'of a pool checkpoint, as zpool-checkpoint(8) describes, which is discarded after ' +
        'it.',
      'An image is written as `NAME.partial` and gets its name when all images of the run ' +
        'are complete and synced. A failed or interrupted export leaves nothing under a ' +
        'final name. No file is replaced and no device is written to without `--force`.',
      'Standard output has the image with `-o -`, the result with `--json`, and nothing ' +
        'else. Messages go to standard error.',
    ],
    environment: EXPORT_ENVIRONMENT,
    examples: [
      ['The images of `all`, of a disk that is not in use:', 'kexport all /dev/sda'],
      [
        'Two images of a file, verified before they get their names:',
        'kexport qcow2,raw disk.img --output-dir /srv/images --name web1 --verify',
      ],
      ['A ZFS volume, from a snapshot:', 'kexport all tank/vm-100-disk-0'],
      ['What an export of the disk that this machine runs from would do:', 'kexport all --dry-run'],
      [
        'From another machine, and to one:',
        "ssh host cat /dev/vda | kexport qcow2 - -o vda.qcow2\nkexport raw disk.img -o - | ssh host 'dd of=/dev/vda bs=1M'",
      ],
      [
        'What has changed between two snapshots, as an overlay of the image of the first:',
        'kexport qcow2 tank/vm@b --incremental-from @a --backing-file a.qcow2 \\\n    -o b.qcow2',
      ],
    ],
    seeAlso: ['ksnap(8)', 'qemu-img(1)', 'zfs(8)', 'zfs-send(8)', 'zpool-checkpoint(8)'],
  },
  'kexport-info': {
    description: [
      'Prints for each `IMAGE` its format and sizes, its partitions, and what they begin ' +
        'with: file systems, swap, LVM, LUKS, the name and state of a ZFS pool. For a stream ' +
        'of zfs-send(8) it prints the snapshots, their guids, sizes and features; for that ' +
        'it reads the whole stream.',
      'These are facts for people. A guest wrote them, so nothing should be decided by them.',
      'With `--map` it lists where the disk lies in files, in the columns of `qemu-img map`.',
      'Other files that an image names are not opened without `--allow-backing`, and then ' +
        'only in the folder of the image or below it.',
    ],
    exitStatus: EXIT_STATUS,
    environment: ['NO_COLOR'],
    examples: [
      ['What an image is:', 'kexport info web1.vmdk'],
      ['For a program:', 'kexport info web1.ova --json'],
      ['A stream that is kept in a file:', 'kexport info backup.zfs'],
    ],
    seeAlso: ['qemu-img(1)', 'zfs-send(8)'],
  },
  'kexport-page': {
    description: [
      'Serves a page that converts disk images in a browser on this machine, and prints its ' +
        'address. A file that is dropped on the page is read, described, converted, verified ' +
        'and hashed in the browser; nothing is sent to any server.',
      'It listens on 127.0.0.1 alone. The address has a random token in it, without which ' +
        'nothing is served, and the page is not allowed to connect to anything. The port is a ' +
        'free one, or that of `--port`. Ctrl-C ends it.',
      'The page has the formats and most options of kexport(1). It cannot write zstd, and ' +
        'opens no other file that an image names.',
    ],
    exitStatus: EXIT_STATUS,
    environment: [],
    examples: [
      ['The page, at an address that is printed:', 'kexport page'],
      ['On a port that is forwarded to another machine:', 'kexport page --port 8080'],
    ],
    seeAlso: [],
  },
  'kexport-convert': {
    description: [
      'Makes images of the disk in `IMAGE`, which may be qcow2, vhd, vhdx, vdi, vmdk, ova ' +
        'or raw, or a raw disk or fixed vhd in a gzip file or in a zip archive. It does not ' +
        'matter which program made it.',
      'This is the export of kexport(1), whose options it has. The image stands first, and ' +
        'the new images get its name if neither `--name` nor `--output` gives one.',
      'An image that needs other files, such as an overlay, is refused without ' +
        '`--allow-backing`. An image that is read from a pipe needs `--from`.',
    ],
    exitStatus: EXIT_STATUS,
    environment: EXPORT_ENVIRONMENT,
    examples: [
      ['The disk of a vmdk as a qcow2:', 'kexport convert web1.vmdk qcow2'],
      [
        'The second disk of an OVA, by its name:',
        'kexport convert web1.ova raw --ova-disk web1-disk2.vmdk -o disk2.raw',
      ],
      [
        'An overlay and what lies below it, as one image:',
        'kexport convert b.qcow2 qcow2 --allow-backing --name whole',
      ],
    ],
    seeAlso: ['qemu-img(1)'],
  },
  'kexport-verify': {
    description: [
      'Checks the structure of each `IMAGE`, and reads every byte of its disk. Of a zfs ' +
        'send stream it verifies every checksum.',
      'With `--against` it compares the disk with another, which may be a device, a file, ' +
        'or an image of any format. Zeros at the end of the longer one are no difference.',
      'It goes on after an image that cannot be read, and ends with the highest status.',
      'What was just written is read from the page cache: that proves the image right, not ' +
        'that the storage kept it.',
    ],
    exitStatus: [
      ['0', 'all images are sound, and the same disk'],
      ['1', 'an image is damaged, or holds another disk'],
      ['2', 'the command line makes no sense'],
      ['3', 'a file cannot be read'],
    ],
    environment: ['NO_COLOR'],
    examples: [
      ['The structure of an image:', 'kexport verify web1.qcow2'],
      ['Its disk too:', 'kexport verify web1.vmdk --against /dev/sda'],
    ],
    seeAlso: ['qemu-img(1)'],
  },
  'kexport-sources': {
    description: [
      'Lists the disks of this machine, the ZFS volumes and their snapshots, each with the ' +
        'command that exports it, or with the reason why it cannot be exported as it is. It ' +
        'changes nothing.',
    ],
    exitStatus: EXIT_STATUS,
    environment: ['NO_COLOR'],
    examples: [['What there is:', 'kexport sources']],
    seeAlso: ['lsblk(8)', 'zfs(8)'],
  },
  'kexport-clean': {
    description: [
      'An export of ZFS that is killed by SIGKILL or by a power failure leaves its ' +
        'snapshot, clone or pool checkpoint behind. This removes them, and prints what it ' +
        'removed.',
      'It removes what is marked as made by kexport and whose process is gone. What ' +
        'belongs to a running export, or may do so, is kept, and the command that removes it ' +
        'is printed.',
    ],
    exitStatus: [
      ['0', 'all is removed, or nothing was left'],
      ['1', 'something could not be removed, or the pools could not be listed'],
      ['2', 'the command line makes no sense'],
    ],
    environment: ['NO_COLOR'],
    examples: [['What would be removed:', 'kexport clean --dry-run']],
    seeAlso: ['zfs(8)', 'zpool-checkpoint(8)'],
  },
  'kexport-snap': {
    description: [
      'Does what ksnap(8) does with the same words, on a machine where kexport is one file ' +
        'without a link of that name.',
    ],
    exitStatus: EXIT_STATUS,
    environment: ['NO_COLOR'],
    examples: [['The pool of the root file system, and all below it:', 'kexport snap /']],
    seeAlso: ['ksnap(8)'],
  },
  'kexport-completion': {
    description: [
      'Prints a script that has bash, zsh or fish complete the command lines of kexport(1) ' +
        'and ksnap(8): commands, formats, options and their choices, disks, volumes, and ' +
        'snapshots after an at sign.',
      'The scripts call `kexport completion words`, which is for them alone and may change.',
    ],
    exitStatus: EXIT_STATUS,
    environment: ['NO_COLOR'],
    examples: [
      ['In bash, for this session:', 'source <(kexport completion bash)'],
      [
        'In each shell, for all users:',
        'kexport completion bash > /etc/bash_completion.d/kexport\nkexport completion zsh > /usr/local/share/zsh/site-functions/_kexport\nkexport completion fish > /etc/fish/completions/kexport.fish',
      ],
    ],
    seeAlso: ['ksnap(8)'],
  },
  'kexport-help': {
    description: [
      'Prints the help of a command, as its `--help` does, or on a topic. Without `TOPIC` ' +
        'it prints what most need, on one screen; that names the topics.',
    ],
    exitStatus: EXIT_STATUS,
    environment: ['NO_COLOR'],
    examples: [['What ZFS needs:', 'kexport help zfs']],
    seeAlso: [],
  },
  ksnap: {
    description: [
      'Snapshots `WHAT` with everything below it at one instant, and prints the name of ' +
        'the snapshot. A mount point stands for its whole pool. What this machine holds in ' +
        'memory of a volume is written first; what a running guest holds in its own memory ' +
        'is not.',
      'The snapshots are named `ksnap-YYYYMMDD-HHMMSS`, after the local time.',
      '`ksnap destroy` does not ask, but takes only names that ksnap makes. If one of the ' +
        'snapshots is held, cloned or in use, it destroys none.',
    ],
    exitStatus: EXIT_STATUS,
    environment: ['NO_COLOR'],
    examples: [
      ['The pool of the root file system:', 'ksnap /'],
      ['One volume:', 'ksnap tank/vm-100-disk-0'],
      ['All snapshots of a name:', 'ksnap destroy ksnap-20260102-030405'],
    ],
    seeAlso: ['kexport(1)', 'zfs-destroy(8)', 'zfs-snapshot(8)'],
  },
};
