// Runs programs of this machine: with argument arrays and never a shell, in the C locale, in a
// session of their own.

import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { KexportError, reasonOf, throwIfAborted, untilAborted } from '../errors.ts';

/** Options of a command. */
export interface RunOptions {
  /**
   * Ends the wait: the command is told to stop, and a KexportError `aborted` is thrown. Leave it
   * out for a command that changes something, since the caller could not know whether it did.
   */
  readonly signal?: AbortSignal | undefined;
}

/** How a command ended, and what it printed. */
export interface Outcome {
  /** Null if a signal ended it. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running command. */
export type Child = ChildProcess & { readonly stdout: Readable; readonly stderr: Readable };

// Debian and Fedora keep them in sbin, which is not in every user's PATH.
const MORE_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** The path of a program; undefined if this machine does not have it. */
export function findProgram(program: string): Promise<string | undefined> {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(isAbsolute);
  return firstProgram([...folders, ...MORE_FOLDERS].map((folder) => join(folder, program)));
}

/** The first of these paths that is a program; undefined if none is. */
export async function firstProgram(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const found = await access(path, constants.X_OK).catch((error: unknown) => error);
    if (found === undefined) return path;
  }
  return undefined;
}

/** Runs a program to its end. Throws a KexportError if it cannot be started, or on abort. */
export async function outcomeOf(
  path: string,
  args: readonly string[],
  { signal }: RunOptions = {},
): Promise<Outcome> {
  throwIfAborted(signal);
  const child = startProgram(path, args);
  return endOrAbandon(child, endOf(child, path), signal);
}

/** Starts a program, with no standard input. */
export function startProgram(path: string, args: readonly string[]): Child {
  return spawn(path, args, { ...SPAWNED, env: environment(), stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Starts a program that reads its standard input. */
export function startReading(
  path: string,
  args: readonly string[],
): Child & { readonly stdin: Writable } {
  return spawn(path, args, { ...SPAWNED, env: environment(), stdio: ['pipe', 'pipe', 'pipe'] });
}

// A session of its own: a Ctrl-C at the terminal goes to the whole foreground group, and a `zfs
// destroy` of ours must not die of it.
const SPAWNED = { detached: true } as const;

/**
 * Nothing else of the environment: ZFS_COLOR, ZPOOL_VDEV_NAME_PATH and their like change what is
 * printed. LVM would report open files of whoever started this program. With the time zone, times
 * that a program prints are those that `Date` reads here.
 */
function environment(): NodeJS.ProcessEnv {
  const { PATH, TZ } = process.env;
  return { PATH, TZ, LC_ALL: 'C', LVM_SUPPRESS_FD_WARNINGS: '1' };
}

/** Waits for `work` of a program; on abort, tells the program to stop and throws a KexportError. */
export async function endOrAbandon<T>(
  child: Child,
  work: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  try {
    return await untilAborted(work, signal);
  } catch (error) {
    if (signal?.aborted) abandon(child);
    throw error;
  }
}

/** Listings of very many snapshots take some MiB. */
const MAX_OUTPUT = 256 * 2 ** 20;

/**
 * Waits for the end of a program; what is not in `kept` of its output is left to the caller. Throws
 * a KexportError if it could not be started.
 */
export function endOf(
  child: Child,
  path: string,
  kept: readonly ('stdout' | 'stderr')[] = ['stdout', 'stderr'],
): Promise<Outcome> {
  const printed = { stdout: '', stderr: '' };
  return new Promise((resolve, reject) => {
    for (const name of kept) {
      child[name].setEncoding('utf8').on('data', (piece: string) => {
        printed[name] += piece;
        if (printed[name].length <= MAX_OUTPUT) return;
        abandon(child);
        reject(new KexportError('source', `${path} prints more than ${MAX_OUTPUT} bytes`));
      });
    }
    child.on('error', (error) => {
      const what = `cannot run ${path}: ${reasonOf(error)}`;
      reject(new KexportError('unsupported', what, { cause: error }));
    });
    child.on('close', (status) => resolve({ status, ...printed }));
  });
}

/**
 * Stops a program. Does not wait for it to end: one that waits for a suspended pool cannot be
 * killed.
 */
export function abandon(child: Child): void {
  if (child.pid !== undefined) child.kill(); // else it would be all processes of this group
  child.stdout.destroy();
  child.stderr.destroy();
  child.unref();
}
