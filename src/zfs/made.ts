// Snapshots and clones that an export makes, and destroys again.

import { KexportError, messageOf, type OnWarning, option, wording } from '../errors.ts';
import { leftBehind } from '../host/left-behind.ts';
import { noteLeftover } from '../host/leftovers.ts';
import { type RemovalFailure, removeOnceIdle } from '../host/remove-once-idle.ts';
import { shellWord } from '../host/shell-word.ts';
import { fullName, MAX_NAME_LENGTH, ownPart, parentOf, poolOf } from './names.ts';
import { newName, OWNER_PROPERTY, thisOwner } from '../host/owner.ts';
import { zfs, zfsFailure, zpool } from './run.ts';

/** A snapshot or clone that exists for one export. */
export interface Made {
  /**
   * POOL/VOLUME@SNAPSHOT, or POOL/CLONE. Once `destroy` has found that a dataset above it was
   * renamed, its new name.
   */
  readonly name: string;
  /** Destroys it. Returns why it could not be destroyed, or undefined once it is gone. */
  destroy(): Promise<string | undefined>;
}

/**
 * Snapshots a volume or a file system, under a generated name. Throws a KexportError, and warns if
 * the snapshot may be left behind then.
 */
export async function makeSnapshot(dataset: string, onWarning?: OnWarning): Promise<Made> {
  const name = fullName({ dataset, snapshot: newName() });
  return make(name, await ownedBy(['snapshot']), onWarning);
}

/**
 * Snapshots datasets of one pool at one instant, all under one generated name, which is the part
 * after the @. Throws a KexportError, and warns of those that may be left behind then.
 */
export async function makeSnapshots(
  datasets: readonly string[],
  onWarning?: OnWarning,
): Promise<{ readonly snapshot: string; readonly made: readonly Made[] }> {
  const snapshot = newName();
  const names = datasets.map((dataset) => fullName({ dataset, snapshot }));
  const made = await makeAll(names, await ownedBy(['snapshot']), onWarning);
  return { snapshot, made };
}

/**
 * Clones a snapshot of a volume, for its device. Throws a KexportError, and warns if the clone may
 * be left behind then.
 *
 * The device of the snapshot itself will not do: it appears only with snapdev=visible, which would
 * have to be set on the user's volume and would make devices of all its other snapshots as well. A
 * clone has its own properties: it is read-only, and volmode=dev hides its partitions, so that
 * nothing on this machine looks for file systems or LVM in them. It is made beside the volume,
 * since a user who may create volumes there may create clones there; anywhere in the pool, the
 * clone of an encrypted volume has the key of its origin. While the clone exists, its snapshot
 * cannot be destroyed.
 */
export async function makeClone(
  dataset: string,
  snapshot: string,
  onWarning?: OnWarning,
): Promise<Made> {
  const parent = parentOf(dataset);
  if (parent === undefined) throw new Error(`${dataset} is a pool, not a volume`);
  const options = [
    'readonly=on',
    'volmode=dev',
    'snapdev=hidden',
    'com.sun:auto-snapshot=false', // tells zfs-auto-snapshot and others to leave it alone
  ].flatMap((option) => ['-o', option]);
  const args = await ownedBy(['clone', ...options]);
  return make(`${parent}/${newName()}`, [...args, fullName({ dataset, snapshot })], onWarning);
}

async function ownedBy(args: readonly string[]): Promise<string[]> {
  return [...args, '-o', `${OWNER_PROPERTY}=${await thisOwner()}`];
}

async function make(name: string, args: readonly string[], onWarning?: OnWarning): Promise<Made> {
  const [made] = await makeAll([name], args, onWarning);
  return made!; // one for each name
}

/** Makes all or none of them, with one command. */
async function makeAll(
  names: readonly string[],
  args: readonly string[],
  onWarning: OnWarning | undefined,
): Promise<Made[]> {
  const tooLong = names.find((name) => name.length > MAX_NAME_LENGTH);
  if (tooLong !== undefined) {
    throw new KexportError(
      'source',
      `${tooLong} would have more than the ${MAX_NAME_LENGTH} characters that ZFS allows`,
      {
        hint: wording`make a snapshot with a short name and export that one, or use ${option('takeSnapshot', false)}`,
      },
    );
  }
  // Noted before it exists, and run without a signal: a command that was told to stop may still
  // have made it.
  const noted = names.map((name) => {
    const forget = noteLeftover(name, destroyCommand(name));
    const made = { name, destroy };
    return { made, forget };

    async function destroy(): Promise<string | undefined> {
      const problem = await destroyMade(made.name, (found) => (made.name = found));
      if (problem === undefined) forget();
      return problem;
    }
  });
  try {
    await zfs([...args, ...names]);
  } catch (error) {
    // A command that was killed may still have made it.
    const mayBeThere = zfsFailure(error) === 'other';
    for (const { made, forget } of noted) {
      if (!mayBeThere) forget();
      const problem = mayBeThere ? await made.destroy() : undefined;
      if (problem === undefined) continue;
      const remedy = destroyCommand(made.name);
      onWarning?.(leftBehind(`${made.name} may be left behind`, problem, remedy));
    }
    throw explained(names[0] ?? '', error);
  }
  return noted.map(({ made }) => made);
}

function explained(name: string, error: unknown): unknown {
  if (!(error instanceof KexportError)) return error;
  const { code, message, cause, hint } = error;
  const kind = zfsFailure(error);
  // "cannot create snapshots : permission denied", says OpenZFS 2.1.
  if (kind === 'permission') {
    return new KexportError(code, `cannot make ${name}: permission denied`, { cause, hint });
  }
  if (kind === 'read-only') {
    const pool = 'its pool is imported read-only, so nothing changes in it';
    return new KexportError(code, `cannot make ${name}: ${pool}`, {
      cause,
      hint: wording`use ${option('takeSnapshot', false)}`,
    });
  }
  if (kind !== 'no-space') return error;
  return new KexportError(code, message, {
    cause,
    hint: wording`the snapshot of a volume with a refreservation needs as much free space as the volume holds; make room, or use ${option('takeSnapshot', false)}`,
  });
}

/** The command for a person to remove it. */
export function destroyCommand(name: string): string {
  return ['zfs', ...destroyArgs(name)].map(shellWord).join(' ');
}

/**
 * A clone may have snapshots, so -r. With a snapshot, -r would also destroy its namesakes in the
 * datasets below.
 */
function destroyArgs(name: string): string[] {
  return name.includes('@') ? ['destroy', name] : ['destroy', '-r', name];
}

/**
 * Milliseconds. A device or snapshot stays busy for a while after it was closed: udev probes the
 * device, the kernel unmounts the snapshot.
 */
const LIMIT = 20_000;

/**
 * Destroys a snapshot or clone that an export made, and the snapshots of the clone, which another
 * program's `zfs snapshot -r` may have made. Never uses -R or -f, so that what is held or has
 * clones of others stays. Follows it where a dataset above it was renamed, and calls `onRenamed`
 * with its new name. Returns why it could not be destroyed, or undefined once it is gone.
 */
export function destroyMade(
  name: string,
  onRenamed?: (found: string) => void,
): Promise<string | undefined> {
  let current = name;
  const explain = async (error: unknown): Promise<RemovalFailure> => {
    const kind = zfsFailure(error);
    if (kind === undefined) throw error;
    if (kind === 'missing') return explainMissing(error);
    const mayPass = kind === 'busy' && !(await isHeld(current));
    return { problem: reason(error, kind === 'busy'), mayPass };
  };
  return removeOnceIdle(() => zfs(destroyArgs(current)), explain, LIMIT);

  async function explainMissing(error: unknown): Promise<RemovalFailure> {
    if (!(await isImported(name))) return { problem: POOL_GONE };
    try {
      const found = await renamed(current);
      if (found === undefined) return { problem: undefined };
      current = found;
      onRenamed?.(found);
      return { problem: reason(error, false), mayPass: true };
    } catch (cause) {
      return { problem: `it may have been renamed, and ${messageOf(cause)}` };
    }
  }
}

/**
 * What a snapshot or clone of an export is called now, if `zfs rename` of a dataset above it has
 * moved it: its own part of the name, which is generated, stays. Undefined if there is none.
 * Several of that name are of one export, and go together; but a copy that `zfs receive` made
 * stays, in which the property is not a local one. Throws a KexportError.
 */
async function renamed(name: string): Promise<string | undefined> {
  const own = ownPart(name);
  const which = ['-t', name.includes('@') ? 'snapshot' : 'volume', '-s', 'local'];
  const args = ['get', '-H', '-r', ...which, '-o', 'name', OWNER_PROPERTY, poolOf(name)];
  return (await zfs(args)).find((other) => ownPart(other) === own);
}

/**
 * From OpenZFS 2.3 on, `zpool export` waits until nobody reads a volume any more, then exports the
 * pool before the reader could clean up.
 */
const POOL_GONE = 'its pool was exported meanwhile';

async function isImported(name: string): Promise<boolean> {
  const pools = await zpool(['list', '-H', '-o', 'name']).catch(() => undefined);
  return pools?.includes(poolOf(name)) ?? true;
}

async function isHeld(name: string): Promise<boolean> {
  if (!name.includes('@')) return false;
  const [held] = await zfs(['get', '-Hp', '-o', 'value', 'userrefs', name]).catch(() => []);
  return Number(held) > 0;
}

function reason(error: unknown, busy: boolean): string {
  const text = messageOf(error);
  return busy ? `${text}; it is held or in use` : text;
}
