import type { Command } from 'commander';

/** A command beside the export, `kexport NAME ...`; its module is loaded when it is called. */
export interface CommandEntry {
  readonly name: string;
  /** As --help shows it, with its arguments. */
  readonly usage: string;
  readonly summary: string;
  readonly load: () => Promise<SubCommand>;
}

/** What the module of a command exports. */
export interface SubCommand {
  /** Its arguments and options; `run` is called with the command once they are parsed. */
  readonly describe: (command: Command) => Command;
  /** Returns the exit status; throws a KexportError. */
  readonly run: (command: Command) => Promise<number>;
}

/** In the order of --help. A file in the way of a name is `./NAME`. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'convert',
    usage: 'convert IMAGE FORMATS',
    summary: 'make images of the disk in an image',
    load: () => import('./convert.ts'),
  },
  {
    name: 'verify',
    usage: 'verify IMAGE',
    summary: 'check an image, and compare its disk (--against)',
    load: () => import('./verify.ts'),
  },
  {
    name: 'sources',
    usage: 'sources [--json]',
    summary: 'what can be exported: ZFS volumes, snapshots, disks',
    load: () => import('./sources.ts'),
  },
  {
    name: 'clean',
    usage: 'clean [--dry-run]',
    summary: 'remove what killed exports left in ZFS pools',
    load: () => import('./clean.ts'),
  },
];
