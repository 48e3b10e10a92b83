// Runs LVM's commands. A failure becomes one KexportError, whose kind `lvmFailure` returns.

import { KexportError } from '../errors.ts';
import { findProgram, outcomeOf, type RunOptions } from '../host/run-command.ts';

/** Why a command of LVM failed, as far as callers act on it. */
export type LvmFailure =
  | 'no-command' // this machine has no LVM
  | 'permission'
  | 'missing' // no such volume in its volume group
  | 'no-group' // no such volume group, or its disks are not there
  | 'busy' // open
  | 'no-space' // in the volume group
  | 'other';

/** A line of a report, by the names of its columns. All values are texts. */
export type Row = Readonly<Record<string, string | undefined>>;

/**
 * Runs a command of LVM. A name among the arguments must come from LVM itself, so that it cannot be
 * taken for an option. Throws a KexportError, whose kind `lvmFailure` returns.
 */
export async function lvm(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const path = await findProgram(program);
  if (path === undefined) throw failure(program, 'no-command', 'there is no such command here');
  const { status, stdout, stderr } = await outcomeOf(path, args, options);
  if (status === 0) return stdout;
  throw failure(program, kindOf(stderr), said(stderr) ?? `it ended with status ${status ?? '?'}`);
}

/** Runs `lvs`, `vgs` or `pvs`; sizes are in bytes. Throws a KexportError. */
export async function lvmReport(
  program: 'lvs' | 'vgs' | 'pvs',
  columns: readonly string[],
  args: readonly string[] = [],
  options: RunOptions = {},
): Promise<Row[]> {
  const how = ['--reportformat', 'json', '--units', 'b', '--nosuffix', '-o', columns.join(',')];
  const text = await lvm(program, [...how, ...args], options);
  try {
    const { report } = JSON.parse(text) as { report: readonly Record<string, Row[]>[] };
    return report.flatMap((part) => Object.values(part).flat());
  } catch (cause) {
    throw new KexportError('source', `${program} printed no report`, { cause });
  }
}

/** Why a command of LVM failed; undefined for any other error. */
export function lvmFailure(error: unknown): LvmFailure | undefined {
  if (!(error instanceof KexportError)) return undefined;
  return error.cause instanceof CommandFailure ? error.cause.kind : undefined;
}

class CommandFailure extends Error {
  readonly kind: LvmFailure;

  constructor(kind: LvmFailure) {
    super(kind);
    this.name = 'CommandFailure';
    this.kind = kind;
  }
}

// Messages of LVM 2.03, one a line; its exit status is 5 for almost everything.
const WORDS: readonly (readonly [LvmFailure, RegExp])[] = [
  ['permission', /permission denied/i],
  ['busy', /is used by another device|in use|is busy/],
  ['missing', /^Failed to find logical volume "/],
  ['no-group', /^Volume group ".*" not found/],
  ['no-space', /insufficient (free|suitable|allocatable)|not enough free/i],
];

function kindOf(stderr: string): LvmFailure {
  // To a user who may not read the disks, LVM says that there is no volume group.
  if (stderr.includes('non-root user')) return 'permission';
  const lines = errorsOf(stderr);
  const isSaid = (pattern: RegExp) => lines.some((line) => pattern.test(line));
  return WORDS.find(([, pattern]) => isSaid(pattern))?.[0] ?? 'other';
}

/** The line of a message that says what failed. */
function said(stderr: string): string | undefined {
  return errorsOf(stderr)[0];
}

/**
 * The lines that are no notices. A notice may be of any disk of this machine: `Devices file PVID
 * xyz last seen on /dev/sdc1 not found.`
 */
function errorsOf(stderr: string): string[] {
  const lines = stderr.split('\n').map((line) => line.trim());
  return lines.filter((line) => !/^($|WARNING|File descriptor|Devices file)/.test(line));
}

const HINTS: Partial<Record<LvmFailure, string>> = {
  'no-command': "install LVM's tools (lvm2)",
  permission: 'run it as root',
};

function failure(program: string, kind: LvmFailure, what: string): KexportError {
  const code = kind === 'no-command' ? 'unsupported' : 'source';
  const cause = new CommandFailure(kind);
  return new KexportError(code, `${program}: ${what}`, { cause, hint: HINTS[kind] });
}
