// Finds and removes the identity of a machine in its files.

import { rm, rmdir, truncate } from 'node:fs/promises';
import { KexportError, reasonOf } from '../../errors.ts';
import { type Match, matchesInside } from './inside.ts';
import { type IdentityRule, KEPT, REMOVED } from './identity-rules.ts';

/** What a rule finds below a root. */
export interface IdentityFound {
  readonly rule: IdentityRule;
  /** Paths from that root, with a slash at their start; folders last. */
  readonly paths: readonly string[];
}

/** Something that stays in the image, and why. */
export interface IdentityKept {
  /** With a slash at its start. */
  readonly path: string;
  readonly why: string;
}

/**
 * What of a machine's identity there is below `root`. With `devices`, only files in the file
 * systems of those numbers count. Changes nothing.
 */
export async function findIdentity(
  root: string,
  devices?: ReadonlySet<number>,
): Promise<{ readonly removed: IdentityFound[]; readonly kept: IdentityKept[] }> {
  const removed: IdentityFound[] = [];
  const seen = new Set<string>();
  for (const rule of REMOVED) {
    const paths = (await matchesOf(rule, root))
      .filter(({ path, device }) => !seen.has(path) && (devices?.has(device) ?? true))
      .map(({ path }) => path);
    for (const path of paths) seen.add(path);
    removed.push({ rule, paths: paths.map((path) => fromRoot(root, path)) });
  }
  const kept: IdentityKept[] = [];
  for (const { paths, why } of KEPT) {
    for (const pattern of paths) {
      for (const { path, device } of await matchesInside(root, pattern)) {
        if (devices?.has(device) ?? true) kept.push({ path: fromRoot(root, path), why });
      }
    }
  }
  return { removed, kept };
}

/** Removes it below `root`, where a copy of the machine is. Throws a KexportError. */
export async function removeIdentity(root: string): Promise<void> {
  for (const rule of REMOVED) {
    for (const match of await matchesOf(rule, root)) await apply(rule, match, root);
  }
}

async function matchesOf({ paths, action }: IdentityRule, root: string): Promise<Match[]> {
  const found = (await Promise.all(paths.map((path) => matchesInside(root, path)))).flat();
  return action === 'empty' ? found.filter(({ isFile }) => isFile) : found;
}

/** Folders that something is mounted in are not empty, and stay. */
const STAYS = ['ENOTEMPTY', 'EBUSY', 'EEXIST'];

async function apply({ action }: IdentityRule, match: Match, root: string): Promise<void> {
  const { path, isFolder } = match;
  try {
    if (action === 'empty') await truncate(path, 0);
    else if (isFolder) await rmdir(path);
    else await rm(path);
  } catch (cause) {
    if (isFolder && STAYS.includes((cause as NodeJS.ErrnoException).code ?? '')) return;
    const what = `cannot ${action} ${fromRoot(root, path)} in the image: ${reasonOf(cause)}`;
    throw new KexportError('target', what, { cause });
  }
}

function fromRoot(root: string, path: string): string {
  return root === '/' ? path : path.slice(root.length);
}
