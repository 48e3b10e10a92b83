import { destroyCommand, destroyMade } from './made.ts';
import { type Leftover, NAME_PREFIX, OWNER_PROPERTY, ownerState } from '../host/owner.ts';
import { ownPart } from './names.ts';
import { fields, zfs } from './run.ts';

/**
 * Lists everything that exports have made and that the pools still hold, clones before snapshots.
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
 * Whether a dataset or snapshot has a name as exports generate them. One that was renamed has not:
 * somebody wants to keep it.
 */
export function isOurName(name: string): boolean {
  return ownPart(name).startsWith(NAME_PREFIX);
}
