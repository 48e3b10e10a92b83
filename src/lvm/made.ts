// Snapshots of logical volumes that an export makes, and removes again.

import { KexportError, type OnWarning, option, wording } from '../errors.ts';
import { leftBehind } from '../host/left-behind.ts';
import { noteLeftover } from '../host/leftovers.ts';
import { type Leftover, NAME_PREFIX, newName, ownerState, thisOwner } from '../host/owner.ts';
import { explainByKind, removeOnceIdle } from '../host/remove-once-idle.ts';
import { shellWord } from '../host/shell-word.ts';
import { lvm, lvmFailure, lvmReport } from './run-lvm.ts';
import type { LogicalVolume } from './volume.ts';

/** A snapshot that exists for one export. */
export interface MadeSnapshot {
  /** VG/SNAPSHOT. */
  readonly name: string;
  /** Its device. */
  readonly path: string;
  /** Throws a KexportError if the snapshot has become invalid: what was read may be wrong. */
  readonly check: () => Promise<void>;
  /** Removes it. Returns why it could not be removed, or undefined once it is gone. */
  readonly remove: () => Promise<string | undefined>;
}

/** How the tag of each snapshot begins; the owner follows. LVM sets it as it makes the snapshot. */
const TAG = 'kexport:owner=';

/**
 * Snapshots a volume. LVM flushes and holds the file system that is mounted of it for that instant.
 * `size` is the space for what is overwritten in the volume, in bytes; a thin snapshot needs none.
 * Throws a KexportError, and warns if the snapshot is left behind then.
 */
export async function makeSnapshot(
  volume: LogicalVolume,
  size: number | undefined,
  onWarning?: OnWarning,
): Promise<MadeSnapshot> {
  const own = newName();
  const name = `${volume.group}/${own}`;
  const tag = `${TAG}${await thisOwner()}`;
  const room = volume.isThin
    ? ['--setactivationskip', 'n'] // a thin snapshot has no device otherwise
    : ['--extents', String(extentsFor(volume, size))];
  const how = ['--snapshot', '--name', own, '--addtag', tag, '--permission', 'r', '--yes', ...room];
  // Noted before it exists, and run without a signal: a command that was told to stop may still
  // have made it.
  const forget = noteLeftover(name, removeCommand(name));
  const remove = async () => {
    const problem = await removeMade(name);
    if (problem === undefined) forget();
    return problem;
  };
  const giveUp = async (what: string) => {
    const problem = await remove();
    if (problem !== undefined) onWarning?.(leftBehind(what, problem, removeCommand(name)));
  };
  try {
    await lvm('lvcreate', [...how, volume.name]);
  } catch (error) {
    // A command that was killed may still have made it.
    if (lvmFailure(error) === 'other') await giveUp(`${name} may be left behind`);
    else forget();
    throw explained(volume, error);
  }
  try {
    const [row] = await lvmReport('lvs', ['lv_dm_path'], [name]);
    const { lv_dm_path: path = '' } = row ?? {};
    return { name, path, check: () => checkValid(volume, name), remove };
  } catch (error) {
    await giveUp(`${name} is left behind`);
    throw error;
  }
}

/**
 * How many extents the snapshot gets. The default leaves half of the free space to others. LVM cuts
 * off what the volume cannot need.
 */
function extentsFor({ name, group, free, extentSize }: LogicalVolume, size?: number): number {
  const freeExtents = Math.floor(free / extentSize);
  if (freeExtents > 0) return Math.ceil((size ?? free / 2) / extentSize);
  throw new KexportError(
    'source',
    `${name} is in use, and its volume group ${group} has no free space for a snapshot of it`,
    { hint: wording`make room (see vgs), or read it as it is: ${option('takeSnapshot', false)}` },
  );
}

function explained({ name, group }: LogicalVolume, error: unknown): unknown {
  if (!(error instanceof KexportError)) return error;
  const { code, message, cause, hint } = error;
  const what = `cannot make a snapshot of ${name}: ${message}`;
  const room = wording`give it less with ${option('snapshotSize')}, or make room in ${group} (see vgs)`;
  const asItIs = wording`${option('takeSnapshot', false)} reads it as it is`;
  const remedy = lvmFailure(error) === 'no-space' ? room : asItIs;
  return new KexportError(code, what, { cause, hint: hint ?? remedy });
}

async function checkValid({ name }: LogicalVolume, snapshot: string): Promise<void> {
  const columns = ['lv_snapshot_invalid', 'lv_health_status'];
  const [row] = await lvmReport('lvs', columns, [snapshot]);
  const { lv_snapshot_invalid: invalid = '', lv_health_status: health = '' } = row ?? {};
  if (invalid !== '' && invalid !== 'unknown') {
    throw new KexportError(
      'source',
      `the snapshot of ${name} ran full, since more was written to the volume than it has room for: what was read is of no use`,
      {
        hint: wording`give it more with ${option('snapshotSize')}, or export when less is written`,
      },
    );
  }
  if (health === '') return;
  throw new KexportError('source', `the snapshot of ${name} is damaged: LVM calls it ${health}`);
}

/** The command for a person to remove it. */
function removeCommand(name: string): string {
  return `lvremove --yes ${shellWord(name)}`;
}

/** Milliseconds. A device stays busy for a while after it was closed: udev probes it. */
const LIMIT = 20_000;

/** Removes a snapshot. Returns why it could not be removed, or undefined once it is gone. */
function removeMade(name: string): Promise<string | undefined> {
  const remove = () => lvm('lvremove', ['--yes', name]);
  return removeOnceIdle(remove, explainByKind(lvmFailure), LIMIT);
}

/** Removes what was made, the newest first, and warns of what could not be removed. */
export async function removeAll(
  made: MadeSnapshot[],
  onWarning: OnWarning | undefined,
): Promise<void> {
  for (const { name, remove } of made.splice(0).reverse()) {
    const problem = await remove();
    if (problem === undefined) continue;
    onWarning?.(leftBehind(`${name} is left behind`, problem, removeCommand(name)));
  }
}

/**
 * Lists the snapshots that exports have made and LVM still has. One that was renamed is not among
 * them: somebody wants to keep it. Throws a KexportError.
 */
export async function listVolumeLeftovers(): Promise<Leftover[]> {
  const rows = await lvmReport('lvs', ['vg_name', 'lv_name', 'lv_tags']);
  const found = rows.map(async (row): Promise<Leftover[]> => {
    const { vg_name: group = '', lv_name: own = '', lv_tags: tags = '' } = row;
    const tag = tags.split(',').find((each) => each.startsWith(TAG));
    if (tag === undefined || !own.startsWith(NAME_PREFIX)) return [];
    const name = `${group}/${own}`;
    // A volume group on iSCSI or Fibre Channel is that of every machine that sees the disk.
    const state = await ownerState(tag.slice(TAG.length), { isShared: true });
    return [{ name, state, remedy: removeCommand(name), remove: () => removeMade(name) }];
  });
  return (await Promise.all(found)).flat();
}
