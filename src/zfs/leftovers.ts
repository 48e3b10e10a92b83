import { destroyCommand, destroyMade } from './made.ts';
import { NAME_PREFIX, OWNER_PROPERTY, ownerState, type OwnerState } from './owner.ts';
import { fields, zfs } from './run.ts';

/** A snapshot, clone or checkpoint of an export, in a pool of this machine. */
export interface Leftover {
  readonly name: string;
  /**
   * `received`: a copy that `zfs receive` brought here from another pool; `unmarked`: nothing tells
   * that it is ours.
   */
  readonly state: OwnerState | 'received' | 'unmarked';
  /** What a person types to remove it. */
  readonly remedy: string;
  /** Destroys it. Answers why it is still there, or undefined if it is gone. */
  remove(): Promise<string | undefined>;
}

/**
 * Everything that exports have made in the pools and that is there now, clones before snapshots.
 * Throws a KexportError.
 */
export async function listLeftovers(): Promise<Leftover[]> {
  const columns = 'name,value,source';
  const from = 'local,received';
  const args = ['get', '-Hp', '-t', 'volume,snapshot', '-s', from, '-o', columns, OWNER_PROPERTY];
  const rows = fields(await zfs(args)).filter(([name = '']) => isOurName(name));
  const found = await Promise.all(
    rows.map(async ([name = '', owner = '', source]) => ({
      name,
      state: source === 'received' ? ('received' as const) : await ownerState(owner),
      remedy: destroyCommand(name),
      remove: () => destroyMade(name),
    })),
  );
  return found.sort((a, b) => Number(a.name.includes('@')) - Number(b.name.includes('@')));
}

/**
 * Whether a dataset or snapshot is called as an export calls what it makes; another has been
 * renamed, so somebody wants it.
 */
export function isOurName(name: string): boolean {
  return (name.split(/[/@]/).at(-1) ?? '').startsWith(NAME_PREFIX);
}
