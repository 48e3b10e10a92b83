// Records which process made a snapshot or a clone, in a property or a tag: so `kexport clean` can
// tell what a killed run left behind from what a running one still reads.

import { randomBytes } from 'node:crypto';
import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { errnoOf } from '../errors.ts';

/** User property of each snapshot and clone that an export makes: BOOT:NAMESPACE:PID:START:HOST. */
export const OWNER_PROPERTY = 'kexport:owner';

/** How the name of every snapshot and clone of an export begins. */
export const NAME_PREFIX = 'kexport-';

/**
 * A new name: `kexport-20260102T030405Z-4711-1a2b3c4d`, with time and process for people to read.
 * The owner that is recorded has them exactly.
 */
export function newName(): string {
  const now = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  return `${NAME_PREFIX}${now}-${process.pid}-${randomBytes(4).toString('hex')}`;
}

/**
 * `unknown`: the process is in another container, on another machine or hidden from this user, or
 * the value has another form.
 */
export type OwnerState = 'running' | 'gone' | 'unknown';

/** A snapshot, clone or checkpoint that an export left on this machine. */
export interface Leftover {
  readonly name: string;
  /**
   * `received`: a copy that `zfs receive` brought here from another pool; `unmarked`: no property
   * says that an export made it.
   */
  readonly state: OwnerState | 'received' | 'unmarked';
  /** The command for a person to remove it. */
  readonly remedy: string;
  /** Destroys it. Returns why it could not be destroyed, or undefined once it is gone. */
  remove(): Promise<string | undefined>;
}

/** The value of OWNER_PROPERTY for this process. */
export async function thisOwner(): Promise<string> {
  const { boot, namespace } = await thisMachine();
  const start = await startOf(process.pid);
  return [boot, namespace, process.pid, start ?? '', thisHost()].join(':');
}

/**
 * Whether the process that a value of OWNER_PROPERTY names still runs. `isShared`: what it made may
 * be seen by several machines at a time, which a pool of ZFS is not, since one machine imports it.
 */
export async function ownerState(
  owner: string,
  { isShared = false }: { readonly isShared?: boolean } = {},
): Promise<OwnerState> {
  const match = /^([0-9a-f-]{36}):(\d+):(\d+):(\d+):(.*)$/.exec(owner);
  if (!match) return 'unknown';
  const [, boot, namespace, pid, start, host] = match;
  const here = await thisMachine();
  // A process of another boot of this machine has ended with that boot.
  if (boot !== here.boot) return isShared && host !== thisHost() ? 'unknown' : 'gone';
  if (namespace !== here.namespace) return 'unknown';
  const found = await startOf(Number(pid));
  if (found === undefined && mayRun(Number(pid))) return 'unknown';
  return found === start ? 'running' : 'gone';
}

/** The name of this machine as far as the property and the tag take its characters. */
function thisHost(): string {
  return hostname().replace(/[^A-Za-z0-9.-]/g, '-');
}

/**
 * Whether a process with that id may exist although /proc does not show it: the mount option
 * `hidepid` hides processes of other users.
 */
function mayRun(pid: number): boolean {
  try {
    process.kill(pid, 0); // signal 0 only asks
    return true;
  } catch (error) {
    return errnoOf(error) !== 'ESRCH';
  }
}

async function thisMachine(): Promise<{ boot: string; namespace: string }> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'latin1');
  const namespace = await readlink('/proc/self/ns/pid'); // pid:[4026531836]
  return { boot: boot.trim(), namespace: namespace.replace(/\D/g, '') };
}

/**
 * When a process began, in clock ticks since boot, which distinguishes it from a later process with
 * the same id; proc(5), stat, field 22.
 */
async function startOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
  // The second field is the program's name in parentheses, which may itself contain spaces and
  // parentheses.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}
