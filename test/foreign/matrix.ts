// Images in every variant that Debian's qemu-img makes, and what its tests do to them. Sources:
// QEMU, tests/qemu-iotests (what they do, not their text).

/** A program and its arguments; `image` is the image, in the current folder. */
export type Step = readonly string[];

/** One kind of image. */
export interface Variant {
  /** QEMU's driver, and the extension that kexport knows it by. */
  readonly driver: string;
  readonly extension: string;
  /** Of `qemu-img create -o`. */
  readonly options: string;
}

const variants = (driver: string, extension: string, ...all: readonly string[]): Variant[] =>
  all.map((options) => ({ driver, extension, options }));

export const VARIANTS: readonly Variant[] = [
  ...variants(
    'qcow2',
    'qcow2',
    '',
    'compat=0.10',
    ...[512, 1024, 2048, 4096, 8192, 16_384, 32_768].map((size) => `cluster_size=${size}`),
    ...[131_072, 262_144, 524_288, 2 ** 20, 2 ** 21].map((size) => `cluster_size=${size}`),
    ...[1, 2, 4, 8, 16, 32, 64].map((bits) => `refcount_bits=${bits}`),
    'lazy_refcounts=on',
    'compression_type=zstd',
    'extended_l2=on',
    'extended_l2=on,cluster_size=16384',
    'extended_l2=on,cluster_size=2097152,compression_type=zstd',
    ...['metadata', 'falloc', 'full'].map((how) => `preallocation=${how}`),
    'preallocation=metadata,extended_l2=on',
    'data_file=data.raw',
    'data_file=data.raw,data_file_raw=on',
    'data_file=data.raw,extended_l2=on',
  ),
  ...variants(
    'vmdk',
    'vmdk',
    ...['monolithicSparse', 'monolithicFlat', 'twoGbMaxExtentSparse', 'twoGbMaxExtentFlat'].map(
      (subformat) => `subformat=${subformat}`,
    ),
    'subformat=monolithicSparse,zeroed_grain=on',
    'subformat=monolithicSparse,compat6=on',
  ),
  ...variants(
    'vpc',
    'vhd',
    'subformat=dynamic',
    'subformat=fixed',
    'subformat=dynamic,force_size=on',
    'subformat=fixed,force_size=on',
  ),
  ...variants(
    'vhdx',
    'vhdx',
    ...[1, 2, 8, 16, 64, 256].map((mebibytes) => `block_size=${mebibytes}M`),
    'log_size=32M',
    'subformat=fixed',
    'subformat=dynamic,block_state_zero=off',
  ),
  ...variants('vdi', 'vdi', '', 'static=on'),
];

/** What `qemu-io` does, in one go. */
const io = (...commands: readonly string[]): Step => [
  'qemu-io',
  ...commands.flatMap((command) => ['-c', command]),
  'image',
];

const WRITES = [
  'write -P 1 0 64k',
  'write -P 2 1000k 300k',
  'write -P 3 5M 512',
  'write -P 4 7M 1M',
];
const ZEROS = ['write -z 16k 32k', 'write -z -u 1M 100k', 'discard 7M 200k', 'write -z 3M 2M'];

/** What is done to an image; each gets the images that its drivers can be. */
export interface History {
  readonly name: string;
  readonly drivers: readonly string[];
  readonly steps: readonly Step[];
}

const ALL = ['qcow2', 'vmdk', 'vpc', 'vhdx', 'vdi'];

export const HISTORIES: readonly History[] = [
  { name: 'empty', drivers: ALL, steps: [] },
  { name: 'written', drivers: ALL, steps: [io(...WRITES)] },
  { name: 'zeroed', drivers: ALL, steps: [io(...WRITES), io(...ZEROS), io('write -P 5 20k 1k')] },
  {
    name: 'grown',
    drivers: ['qcow2', 'vhdx'],
    steps: [io(...WRITES), ['qemu-img', 'resize', 'image', '+5M'], io('write -P 6 14M 70k')],
  },
  {
    name: 'shrunk',
    drivers: ['qcow2'],
    steps: [io(...WRITES), ['qemu-img', 'resize', '--shrink', 'image', '6M']],
  },
  {
    name: 'compressed',
    drivers: ['qcow2'],
    steps: [io(...WRITES), io('write -c -P 7 2M 2M'), io('write -P 8 2100k 3k')],
  },
  {
    name: 'with snapshots and a bitmap',
    drivers: ['qcow2'],
    steps: [
      io(...WRITES),
      ['qemu-img', 'snapshot', '-c', 'first', 'image'],
      io(...ZEROS),
      ['qemu-img', 'bitmap', '--add', 'image', 'nightly'],
      ['qemu-img', 'snapshot', '-c', 'second', 'image'],
      ['qemu-img', 'snapshot', '-d', 'first', 'image'],
      io('write -P 9 0 2M'),
    ],
  },
];

/** Images that are not read, with what is said of each. */
export const REFUSED: readonly (readonly [driver: string, options: string, says: RegExp])[] = [
  ['qcow', '', /qcow/],
  ['qed', '', /a QED image/],
  ['parallels', '', /a Parallels image/],
];
