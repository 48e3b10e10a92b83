// The pool of a golden image while it is imported on this machine, under a name of its own.

import { setTimeout } from 'node:timers/promises';
import { KexportError, type OnWarning } from '../../errors.ts';
import { leftBehind } from '../../host/left-behind.ts';
import { noteLeftover } from '../../host/leftovers.ts';
import { explainByKind, removeOnceIdle } from '../../host/remove-once-idle.ts';
import { fields, zfs, zfsFailure, zpool } from '../run.ts';
import { createArguments, type NewPool, ROOT_INHERITED } from './pool-properties.ts';

/** A pool that exists on this machine for one export. */
export interface TemporaryPool {
  /** Its name on this machine. */
  readonly name: string;
  /**
   * Exports it: its device then holds it complete. Returns why it is still imported, or undefined
   * once it is not.
   */
  release(): Promise<string | undefined>;
}

/** Makes a pool. Throws a KexportError, and warns if the pool may be left behind then. */
export async function createPool(pool: NewPool, onWarning?: OnWarning): Promise<TemporaryPool> {
  const name = pool.temporaryName;
  const forget = noteLeftover(`pool ${name}`, exportCommand(name));
  const release = async () => {
    const problem = await exportPool(name);
    if (problem === undefined) forget();
    return problem;
  };
  try {
    await zpool(createArguments(pool));
    if (pool.properties.compatibility !== undefined) {
      await zpool(['set', `compatibility=${pool.properties.compatibility}`, name]);
    }
    return { name, release };
  } catch (error) {
    const problem = await release();
    if (problem !== undefined) {
      onWarning?.(leftBehind(`pool ${name} may be left behind`, problem, exportCommand(name)));
    }
    throw error;
  }
}

/** The command for a person to get rid of it. */
export function exportCommand(name: string): string {
  return `zpool export ${name}`;
}

/**
 * Gives the root dataset the properties of the source, which it has received and which nothing was
 * to act on before, and sets what else only a complete pool can have. Throws a KexportError.
 */
export async function finishPool(
  name: string,
  bootEnvironment: string | undefined,
  { multihost }: { readonly multihost: boolean },
): Promise<void> {
  // What was received, or else the default.
  for (const property of ROOT_INHERITED) await zfs(['inherit', '-S', property, name]);
  if (bootEnvironment !== undefined) await zpool(['set', `bootfs=${bootEnvironment}`, name]);
  if (multihost) await zpool(['set', 'multihost=on', name]);
}

const INTERVAL = 200; // milliseconds
/** Milliseconds: a file system or a volume of it stays busy for a while after it was closed. */
const LIMIT = 30_000;
/** Milliseconds: what was destroyed is freed in the background, a million blocks in a minute. */
const FREEING_LIMIT = 600_000;

/** Waits until all is freed that was destroyed or deleted. Throws a KexportError. */
export async function awaitFreeing(name: string, signal: AbortSignal | undefined): Promise<void> {
  for (const started = performance.now(); performance.now() - started < FREEING_LIMIT;) {
    await zpool(['sync', name], { signal });
    const [freeing] = await zpool(['get', '-Hp', '-o', 'value', 'freeing', name], { signal });
    if (freeing === '0') return;
    await setTimeout(INTERVAL);
  }
  throw new KexportError('source', `pool ${name} is still freeing what was removed from it`);
}

/** Exports a pool if it is imported. Returns why it still is, or undefined. */
export function exportPool(name: string): Promise<string | undefined> {
  return removeOnceIdle(() => zpool(['export', name]), explainByKind(zfsFailure), LIMIT);
}

/** The snapshots in a pool, the oldest first. Throws a KexportError. */
export async function snapshotsOf(name: string): Promise<string[]> {
  const args = ['list', '-H', '-t', 'snapshot', '-o', 'name', '-s', 'createtxg', '-r', name];
  return fields(await zfs(args)).map(([snapshot = '']) => snapshot);
}
