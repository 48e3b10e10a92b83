// Runs zfs and zpool, and losetup for them. A failure becomes one KexportError, whose kind
// `zfsFailure` returns.

import { PassThrough, pipeline, type Readable, type Writable } from 'node:stream';
import { KexportError } from '../errors.ts';
import {
  abandon,
  endOf,
  endOrAbandon,
  findProgram,
  firstProgram,
  type Outcome,
  outcomeOf,
  type RunOptions,
  startProgram,
  startReading,
} from '../host/run-command.ts';
import { type FailureKind, hintFor, kindOf } from './failure.ts';

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
  const path = await pathOfProgram('zfs');
  const child = startReading(path, args);
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
  const path = await pathOfProgram('zfs');
  const child = startProgram(path, args);
  const outcome = endOf(child, path, ['stderr']).catch((error: unknown) => {
    throw notStarted(error);
  });
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
  const { status, stdout } = await outcomeOf(path, [device]);
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

async function runCommand(
  program: Program,
  args: readonly string[],
  options: RunOptions,
): Promise<string[]> {
  const path = await pathOfProgram(program);
  const outcome = await outcomeOf(path, args, options).catch((error: unknown) => {
    throw notStarted(error);
  });
  if (outcome.status !== 0) throw failure(`${program} ${args[0] ?? ''}`, outcome);
  if (outcome.stdout.includes('\0')) {
    // No name of ZFS has one, and no argument of a program can.
    throw new KexportError('source', `${program} ${args[0] ?? ''} printed a NUL`);
  }
  return outcome.stdout.split('\n').filter((line) => line !== '');
}

async function pathOfProgram(program: Program): Promise<string> {
  const path = await findProgram(program);
  if (path !== undefined) return path;
  const message = `cannot run ${program}: there is no such command here`;
  if (program !== 'losetup') throw commandError('no-command', message, '');
  throw new KexportError('unsupported', message, { hint: 'install util-linux' });
}

function notStarted(error: unknown): unknown {
  const isThat = error instanceof KexportError && error.code === 'unsupported';
  return isThat ? commandError('no-command', error.message, '') : error;
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
