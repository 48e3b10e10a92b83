// Finds files below the root of another machine without leaving it: its links lead from its own
// root, as with chroot, and never to files of this machine.

import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/** As many links as Linux follows in one path. */
const MAX_LINKS = 40;

/**
 * The path of a folder below `root`, with the links in `path` resolved inside of it; undefined if
 * it is not there. The result has no links below `root`.
 */
export async function folderInside(root: string, path: string): Promise<string | undefined> {
  const done: string[] = [];
  const rest = namesOf(path);
  let links = 0;
  for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
    if (name === '..') {
      done.pop(); // above the root is the root
      continue;
    }
    const found = await lstat(join(root, ...done, name)).catch(() => undefined);
    if (found?.isDirectory()) done.push(name);
    else if (found?.isSymbolicLink() && ++links <= MAX_LINKS) {
      const target = await readlink(join(root, ...done, name));
      if (target.startsWith('/')) done.length = 0;
      rest.unshift(...namesOf(target));
    } else return undefined;
  }
  return join(root, ...done);
}

/** A path that matches a pattern. */
export interface Match {
  /** Below the root that was searched, without links but perhaps at its end. */
  readonly path: string;
  readonly isFile: boolean;
  readonly isFolder: boolean;
  /** The number of the file system that it is in, as stat(2) has it. */
  readonly device: number;
}

/**
 * The paths below `root` that match a pattern as in `IdentityRule`: what is in a folder comes
 * before the folder.
 */
export async function matchesInside(root: string, pattern: string): Promise<Match[]> {
  const names = pattern.split('/');
  const last = names.pop() ?? '';
  let folders = [root];
  for (const name of names) {
    const next = folders.map(async (folder): Promise<(string | undefined)[]> => {
      const entries = name.includes('*') ? await entriesLike(folder, name) : [name];
      // From the root, since a link may lead anywhere below it.
      return Promise.all(entries.map((one) => folderInside(root, relative(root, folder, one))));
    });
    const found = (await Promise.all(next)).flat().filter((one) => one !== undefined);
    folders = [...new Set(found)];
  }
  const matches = await Promise.all(
    folders.map((folder) => (last === '**' ? allBelow(folder) : namedIn(folder, last))),
  );
  return matches.flat();
}

function relative(root: string, folder: string, name: string): string {
  return join(folder.slice(root.length), name);
}

async function namedIn(folder: string, name: string): Promise<Match[]> {
  const names = name.includes('*') ? await entriesLike(folder, name) : [name];
  const found = await Promise.all(names.map((one) => matchAt(join(folder, one))));
  return found.flat();
}

async function allBelow(folder: string): Promise<Match[]> {
  const entries = await readdir(folder).catch(() => []);
  const matches: Match[] = [];
  for (const entry of entries.sort()) {
    const found = await matchAt(join(folder, entry));
    for (const one of found) {
      if (one.isFolder) matches.push(...(await allBelow(one.path)));
      matches.push(one);
    }
  }
  return matches;
}

async function matchAt(path: string): Promise<Match[]> {
  const found = await lstat(path).catch(() => undefined);
  if (!found) return [];
  return [{ path, isFile: found.isFile(), isFolder: found.isDirectory(), device: found.dev }];
}

async function entriesLike(folder: string, name: string): Promise<string[]> {
  const parts = name.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  const pattern = new RegExp(`^${parts.join('.*')}$`);
  const entries = await readdir(folder).catch(() => []);
  return entries.filter((entry) => pattern.test(entry)).sort();
}

function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}
