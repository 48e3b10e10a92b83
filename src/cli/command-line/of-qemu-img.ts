// What does here what users of qemu-img type first.

/** By the command of qemu-img. */
export const COMMANDS_OF_QEMU_IMG: ReadonlyMap<string, string> = new Map([
  ['check', 'kexport verify IMAGE'],
  ['compare', 'kexport verify IMAGE --against DISK'],
  ['map', 'kexport info --map IMAGE'],
  ['measure', 'kexport FORMATS DISK --dry-run'],
]);

/** By the option of qemu-img. */
export const OPTIONS_OF_QEMU_IMG: ReadonlyMap<string, string> = new Map([
  ['-O', 'the format is a word of its own: kexport qcow2 DISK -o FILE'],
  ['-f', '--from says what format the disk has'],
  ['-F', '--against-from says what format the other disk has'],
  ['-c', 'what can be compressed is; see --level'],
  ['-p', 'progress is shown on a terminal'],
  ['-m', 'see --threads'],
  ['-W', 'see --threads'],
  ['-l', 'see --internal-snapshot'],
  ['-U', 'kexport info opens any image; an export takes one in use with --no-snapshot'],
]);
