// Freezes mounted file systems while their disk is read: what writes to them waits so long. A
// process of its own thaws them, as soon as this one says so or ends, also by SIGKILL.

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { folderOf, layerBelow, textOf } from './host-disk.ts';
import { listMounts, type Mount, mountAt, mountOf, reachableMount } from './mounts.ts';
import { findProgram } from './run-command.ts';

/** File systems that are frozen, and those that are not. */
export interface Frozen {
  readonly frozen: readonly Mount[];
  /** With the reason, a clause. */
  readonly others: readonly { readonly mount: Mount; readonly why: string }[];
  /** Thaws them. Returns the mount points of those that could not be thawed. */
  readonly thaw: () => Promise<readonly string[]>;
}

/**
 * Freezes file systems until `thaw`. Those that this program runs from are left alone, and those
 * that hold `written`, the paths of what it writes: it would wait for itself.
 */
export async function freeze(
  mounts: readonly Mount[],
  written: readonly string[],
): Promise<Frozen> {
  const program = await findProgram('fsfreeze');
  const all = await listMounts();
  const needed = await neededMounts(written, all);
  const others: { readonly mount: Mount; readonly why: string }[] = [];
  const wanted: Mount[] = [];
  for (const mount of mounts) {
    const why = program === undefined ? 'there is no fsfreeze here' : obstacleOf(mount, needed);
    if (why !== undefined) {
      others.push({ mount, why });
      continue;
    }
    // A file system is frozen once, wherever it is mounted.
    if (wanted.some(({ device }) => device === mount.device)) continue;
    // By its path, fsfreeze would freeze what is mounted over it.
    const elsewhere = all.filter((other) => other.device === mount.device && isWhole(other));
    const reachable = await reachableMount([mount, ...elsewhere], all);
    if (reachable) wanted.push(reachable);
    else others.push({ mount, why: 'something is mounted over it' });
  }
  if (program === undefined || wanted.length === 0) {
    return { frozen: [], others, thaw: () => Promise.resolve([]) };
  }
  const guard = startGuard(
    program,
    wanted.map(({ mountPoint }) => mountPoint),
  );
  const lines = createInterface(guard.stdout)[Symbol.asyncIterator]();
  const failures = new Map<Mount, string>();
  for (const mount of wanted) {
    const answer = await nextLine(lines);
    if (answer !== 'frozen') failures.set(mount, answer ?? 'fsfreeze could not be run');
  }
  const frozen = wanted.filter((mount) => !failures.has(mount));
  return {
    frozen,
    others: [...others, ...[...failures].map(([mount, why]) => ({ mount, why }))],
    async thaw() {
      guard.stdin.end();
      const left: string[] = [];
      for (const { mountPoint } of frozen) {
        if ((await nextLine(lines)) !== 'thawed') left.push(mountPoint);
      }
      return left;
    },
  };
}

/** Why a file system must not be frozen; undefined if it may be. */
function obstacleOf(mount: Mount, needed: ReadonlyMap<string, string>): string | undefined {
  if (!isWhole(mount)) return 'only a part of it is mounted here';
  return needed.get(mount.device);
}

/**
 * In a container, parts of a file system are files of the host's root, as /etc/hosts is. Subvolumes
 * are not.
 */
function isWhole({ root, type }: Mount): boolean {
  return root === '/' || type === 'btrfs';
}

async function nextLine(lines: AsyncIterator<string>): Promise<string | undefined> {
  const next = await lines.next();
  return next.done === true ? undefined : next.value;
}

/**
 * Freezes each of its arguments after the first, the path of fsfreeze, and says so in a line for
 * each; at the end of its input thaws those that it has frozen. It ends by no signal of a terminal.
 * Everything in it is built into the shell: an fsfreeze that cannot be started would freeze
 * nothing.
 */
const GUARD = `
trap '' HUP INT TERM PIPE
fsfreeze=$1
shift
count=$#
while [ $count -gt 0 ]; do
  count=$((count - 1))
  if why=$("$fsfreeze" --freeze -- "$1" 2>&1); then
    set -- "$@" "$1"
    echo frozen
  else
    echo "\${why%%
*}"
  fi
  shift
done
while read -r line; do :; done
for mount; do
  if "$fsfreeze" --unfreeze -- "$mount" > /dev/null 2>&1; then echo thawed; else echo frozen; fi
done
`;

type Guard = ChildProcessByStdio<Writable, Readable, null>;

function startGuard(program: string, points: readonly string[]): Guard {
  const guard = spawn('/bin/sh', ['-c', GUARD, 'sh', program, ...points], {
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    cwd: '/',
  });
  guard.on('error', () => guard.stdout.destroy()); // the lines end then
  guard.stdin.on('error', () => undefined);
  return guard;
}

/** What a machine needs to run a program and to end one. */
const OF_THE_MACHINE = ['/', '/usr', '/etc', '/dev', '/run', '/bin', '/sbin', '/lib', '/lib64'];

/**
 * The file systems that this program needs while others are frozen, by their device numbers, each
 * with the reason.
 */
async function neededMounts(
  written: readonly string[],
  mounts: readonly Mount[],
): Promise<Map<string, string>> {
  const needed = new Map<string, string>();
  const runs = [...OF_THE_MACHINE, process.execPath, process.argv[1] ?? '/'];
  for (const path of runs) await note(path, 'kexport runs from it');
  const open = [0, 1, 2].map((fd) => `/proc/self/fd/${fd}`);
  for (const path of [tmpdir(), process.cwd(), ...open, ...written]) {
    await note(path, 'kexport writes to it');
  }
  return needed;

  async function note(path: string, why: string): Promise<void> {
    const real = await existing(resolve(path));
    const mount = (await mountAt(real, mounts)) ?? mountOf(real, mounts);
    if (!mount || needed.has(mount.device)) return;
    needed.set(mount.device, why);
    // A file system in a file needs the one that this file is on.
    const below = [mount.source, ...((await layerBelow(mount.source))?.devices ?? [])];
    for (const device of below) {
      const folder = await folderOf(device);
      const file = folder && (await textOf(folder, 'loop/backing_file'));
      if (file !== undefined) await note(file, why);
    }
  }
}

/** The path without links, or that of the nearest folder that exists. */
async function existing(path: string): Promise<string> {
  for (let at = path; at !== '/'; at = dirname(at)) {
    const real = await realpath(at).catch(() => undefined);
    if (real !== undefined) return real;
  }
  return '/';
}
