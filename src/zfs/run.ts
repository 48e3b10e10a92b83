// Runs zfs and zpool, and losetup for them: with argument arrays and never a shell, in the C
// locale, in a session of their own. A failure becomes one KexportError, whose kind `zfsFailure`
// returns.

import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { PassThrough, pipeline, type Readable, type Writable } from 'node:stream';
import { KexportError, reasonOf, throwIfAborted, untilAborted } from '../errors.ts';
import { type FailureKind, hintFor, kindOf } from './failure.ts';

export interface RunOptions {
  /**
   * Ends the wait: the command is told to stop, and a KexportError `aborted` is thrown. Leave it
   * out for a command that changes something, since the caller could not know whether it did.
   */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs `zfs` and returns the lines that it printed. A name among the arguments must come from
 * `parseDatasetName` or from zfs itself, so that it cannot be taken for an option. Throws a
 * KexportError, whose kind `zfsFailure` returns.
 */
export function zfs(args: readonly string[], options: RunOptions = {}): Promise<string[]> {
  return runCommand('zfs', args, options);
}

/** The same for `zpool`. */
export function zpool(args: readonly string[], options: RunOptions = {}): Promise<string[]> {
  return runCommand('zpool', args, options);
}

/** The same for `losetup`. */
export function losetup(args: readonly string[], options: RunOptions = {}): Promise<string[]> {
  return runCommand('losetup', args, options);
}

/** A running command that reads, for input that is too large to collect. */
export interface CommandInput {
  /** Ends the command with an error where it does not read all of it. */
  readonly stdin: Writable;
  /** As of `CommandOutput`; call it once `stdin` has ended. */
  ended(signal: AbortSignal | undefined): Promise<void>;
  stop(): void;
}

/** Starts `zfs`, which reads. The rule for names is that of `zfs`. Throws a KexportError. */
export async function zfsInput(args: readonly string[]): Promise<CommandInput> {
  const path = await findProgram('zfs');
  const child = start(path, args, 'pipe');
  const outcome = endOf(child, path, ['stderr']);
  outcome.catch(() => undefined); // `ended` throws it
  child.stdout.resume();
  return {
    stdin: child.stdin,
    async ended(signal) {
      const found = await endOrAbandon(child, outcome, signal);
      if (found.status !== 0) throw failure(`zfs ${args[0] ?? ''}`, found);
    },
    stop: () => abandon(child),
  };
}

/** The output of a running command, for output that is too large to collect. */
export interface CommandOutput {
  readonly stdout: Readable;
  /**
   * Waits for the command to end; call it once all of `stdout` is read. Throws a KexportError if
   * the command has failed, or on abort.
   */
  ended(signal: AbortSignal | undefined): Promise<void>;
  /** Stops the command if it still runs. */
  stop(): void;
}

/**
 * Starts `zfs` and returns its output as a stream. The rule for names among the arguments is that
 * of `zfs`. Throws a KexportError.
 */
export async function zfsOutput(args: readonly string[]): Promise<CommandOutput> {
  const path = await findProgram('zfs');
  const child = start(path, args);
  const outcome = endOf(child, path, ['stderr']);
  outcome.catch(() => undefined); // `ended` throws it
  // Reading starts here: Node drops unread output when the command ends.
  const stdout = pipeline(child.stdout, new PassThrough(), () => undefined);
  return {
    stdout,
    async ended(signal) {
      const found = await endOrAbandon(child, outcome, signal);
      if (found.status !== 0) throw failure(`zfs ${args[0] ?? ''}`, found);
    },
    stop: () => abandon(child),
  };
}

// Where packages put ZFS's helper for udev.
const ZVOL_ID = ['/lib/udev/zvol_id', '/usr/lib/udev/zvol_id'];

/**
 * The name of the volume or snapshot behind a block device, as `zvol_id` prints it: with a plus for
 * each space. Undefined if that program is missing, or does not know the device.
 */
export async function zvolId(device: string): Promise<string | undefined> {
  const path = await firstProgram(ZVOL_ID);
  if (path === undefined) return undefined;
  const { status, stdout } = await outcomeOf(path, [device], undefined);
  return status === 0 ? stdout.trim() : undefined;
}

/** Splits lines that `zfs` or `zpool` printed with -H into their fields, which tabs separate. */
export function fields(lines: readonly string[]): string[][] {
  return lines.map((line) => line.split('\t'));
}

/** Why `zfs` or `zpool` failed; undefined for any other error. */
export function zfsFailure(error: unknown): FailureKind | undefined {
  if (!(error instanceof KexportError)) return undefined;
  return error.cause instanceof CommandFailure ? error.cause.kind : undefined;
}

/** The cause of the KexportError that people see. */
class CommandFailure extends Error {
  readonly kind: FailureKind;

  constructor(kind: FailureKind, stderr: string) {
    super(stderr);
    this.name = 'CommandFailure';
    this.kind = kind;
  }
}

type Program = 'zfs' | 'zpool' | 'losetup';

interface Outcome {
  /** Null if a signal ended it. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function runCommand(
  program: Program,
  args: readonly string[],
  { signal }: RunOptions,
): Promise<string[]> {
  const outcome = await outcomeOf(await findProgram(program), args, signal);
  if (outcome.status !== 0) throw failure(`${program} ${args[0] ?? ''}`, outcome);
  if (outcome.stdout.includes('\0')) {
    // No name of ZFS has one, and no argument of a program can.
    throw new KexportError('source', `${program} ${args[0] ?? ''} printed a NUL`);
  }
  return outcome.stdout.split('\n').filter((line) => line !== '');
}

// Debian and Fedora keep them in sbin, which is not in every user's PATH.
const MORE_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

async function findProgram(program: Program): Promise<string> {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(isAbsolute);
  const path = await firstProgram(
    [...folders, ...MORE_FOLDERS].map((folder) => join(folder, program)),
  );
  if (path !== undefined) return path;
  const message = `cannot run ${program}: there is no such command here`;
  if (program !== 'losetup') throw commandError('no-command', message, '');
  throw new KexportError('unsupported', message, { hint: 'install util-linux' });
}

async function firstProgram(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const found = await access(path, constants.X_OK).catch((error: unknown) => error);
    if (found === undefined) return path;
  }
  return undefined;
}

async function outcomeOf(
  path: string,
  args: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Outcome> {
  throwIfAborted(signal);
  const child = start(path, args);
  return endOrAbandon(child, endOf(child, path), signal);
}

function start(path: string, args: readonly string[]): Child;
function start(path: string, args: readonly string[], input: 'pipe'): Child & WithInput;
function start(path: string, args: readonly string[], input: 'ignore' | 'pipe' = 'ignore') {
  return spawn(path, args, {
    // A session of its own: a Ctrl-C at the terminal goes to the whole foreground group, and a `zfs
    // destroy` of ours must not die of it.
    detached: true,
    stdio: [input, 'pipe', 'pipe'],
    // Nothing else of the environment: ZFS_COLOR, ZPOOL_VDEV_NAME_PATH and their like change what
    // is printed.
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
  });
}

async function endOrAbandon<T>(
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

type Child = ChildProcess & { readonly stdout: Readable; readonly stderr: Readable };
interface WithInput {
  readonly stdin: Writable;
}

/** Listings of very many snapshots take some MiB. */
const MAX_OUTPUT = 256 * 2 ** 20;

function endOf(
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
      reject(commandError('no-command', `cannot run ${path}: ${reasonOf(error)}`, ''));
    });
    child.on('close', (status) => resolve({ status, ...printed }));
  });
}

/** Does not wait for the command to end: one that waits for a suspended pool cannot be killed. */
function abandon(child: Child): void {
  child.kill();
  child.stdout.destroy();
  child.stderr.destroy();
  child.unref();
}

function failure(command: string, { status, stderr }: Outcome): KexportError {
  const kind = kindOf(stderr);
  const [first = ''] = stderr.split('\n');
  const said = first === '' ? `it ended with status ${status ?? 'of a signal'}` : first;
  return commandError(kind, `${command}: ${said}`, stderr);
}

function commandError(kind: FailureKind, message: string, stderr: string): KexportError {
  const code = kind === 'no-command' || kind === 'no-module' ? 'unsupported' : 'source';
  const cause = new CommandFailure(kind, stderr);
  return new KexportError(code, message, { cause, hint: hintFor(kind) });
}
