// The commands that signals end, over files that `prepare` makes in their folder.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FORMATS } from '../../formats/index.ts';
import { noise, withPartition } from '../support/disks.ts';
import { HAS_ZSTD } from '../support/zstd.ts';

// npm runs it in the folder of the package.
export const PROGRAM = join(process.cwd(), 'dist', 'bundle', 'kexport.cjs');
const STREAMS = join(process.cwd(), 'fixtures', 'zfs-send');

export const DISK_SIZE = 48 * 2 ** 20;

/** A command to end by signals. */
export interface Command {
  readonly name: string;
  readonly words: readonly string[];
  /** File that a pipe brings as standard input. */
  readonly piped?: string;
  /** Further words to verify an image that it makes, and what is in it. */
  readonly holds: readonly string[];
  /** It makes no file: it checks, or writes to a device. */
  readonly isWithoutFiles?: boolean;
}

/** Makes the files that the commands read. */
export function prepare(folder: string): void {
  const kexport = (...words: string[]) =>
    execFileSync(process.execPath, [PROGRAM, ...words, '-q'], { cwd: folder });
  writeFileSync(join(folder, 'disk'), withPartition(noise(DISK_SIZE)));
  kexport('qcow2', 'disk', '-o', 'image.qcow2');
  kexport('qcow2', join(STREAMS, 'grow-full-a.zfs'), '-o', 'base.qcow2');
}

/** `device`: a block device of `DISK_SIZE` to write to; undefined: there is none. */
export function commands(device: string | undefined): readonly Command[] {
  const all = Object.values(FORMATS).map((create) => create());
  const withDisk = all.filter(({ describes }) => describes === undefined);
  const formats = withDisk.map(({ name }) => name).filter((name) => HAS_ZSTD || name !== 'raw.zst');
  const named = ['--name', 'x'];
  const holds = ['--against', 'disk'];
  const increment = join(STREAMS, 'grow-inc-b.zfs');
  return [
    ...formats.map((name) => ({ name, words: [name, 'disk', ...named], holds })),
    { name: 'all', words: ['all', 'disk', ...named], holds },
    {
      name: 'all with sums, read back',
      words: ['all', 'disk', ...named, '--verify', '--checksums'],
      holds,
    },
    { name: 'zipped', words: ['raw,vhd', 'disk', ...named, '--zip'], holds },
    { name: 'spooled disk', words: ['ova', '-', ...named], piped: 'disk', holds },
    { name: 'spooled images', words: ['qcow2,vdi', '-', ...named], piped: 'disk', holds },
    { name: 'convert', words: ['convert', 'image.qcow2', 'vmdk', ...named], holds },
    {
      name: 'overlay',
      words: ['qcow2', increment, '--backing-file', 'base.qcow2', ...named],
      holds: ['--allow-backing'],
    },
    {
      name: 'verify',
      words: ['verify', 'image.qcow2', '--against', 'disk'],
      holds,
      isWithoutFiles: true,
    },
    ...(device === undefined
      ? []
      : [
          {
            name: 'device',
            words: ['raw', 'disk', '-o', device, '--force'],
            holds,
            isWithoutFiles: true,
          },
        ]),
  ];
}
