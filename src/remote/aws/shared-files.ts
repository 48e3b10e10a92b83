// The files that AWS's own tools are configured by: `~/.aws/config` and `~/.aws/credentials`.

import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { errnoOf, KexportError, reasonOf } from '../../errors.ts';
import type { Environment } from '../http/route.ts';

/** The settings of one profile, by their names in the files. */
export type Profile = Readonly<Record<string, string>>;

/**
 * The profile that AWS_PROFILE names, else `default`; undefined if no file has it. Throws a
 * KexportError if AWS_PROFILE names one that is not there.
 */
export async function readProfile(env: Environment): Promise<Profile | undefined> {
  const folder = join(env['HOME'] ?? userInfo().homedir, '.aws');
  const config = env['AWS_CONFIG_FILE'] ?? join(folder, 'config');
  const secrets = env['AWS_SHARED_CREDENTIALS_FILE'] ?? join(folder, 'credentials');
  const name = profileName(env);
  const [general, own] = await Promise.all([sectionsOf(config), sectionsOf(secrets)]);
  const parts = [general.get(`profile ${name}`) ?? general.get(name), own.get(name)];
  if (parts.some((part) => part !== undefined)) return Object.assign({}, ...parts) as Profile;
  if (env['AWS_PROFILE'] === undefined) return undefined;
  throw new KexportError('usage', `AWS_PROFILE names ${name}, a profile that does not exist`, {
    hint: `it is looked for in ${config} and ${secrets}`,
  });
}

export function profileName(env: Environment): string {
  return env['AWS_PROFILE'] ?? env['AWS_DEFAULT_PROFILE'] ?? 'default';
}

async function sectionsOf(path: string): Promise<ReadonlyMap<string, Profile>> {
  const sections = new Map<string, Record<string, string>>();
  let section: Record<string, string> = {};
  for (const line of (await textOf(path)).split(/\r?\n/)) {
    const title = /^\s*\[\s*(.*?)\s*\]/.exec(line)?.[1];
    if (title !== undefined) {
      section = sections.get(title.replace(/\s+/, ' ')) ?? {};
      sections.set(title.replace(/\s+/, ' '), section);
      continue;
    }
    // An indented line belongs to a nested setting such as `s3 =`.
    const [, name, value = ''] = /^([^\s#;=][^=]*?)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (name !== undefined) section[name.toLowerCase()] = value;
  }
  return sections;
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT' || errnoOf(cause) === 'ENOTDIR') return '';
    throw new KexportError('usage', `cannot read ${path}: ${reasonOf(cause)}`, { cause });
  }
}
