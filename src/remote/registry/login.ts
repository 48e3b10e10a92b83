// Finds the login of a registry where podman, skopeo and docker keep it: in a file of theirs, or
// with a helper that such a file names.

import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { errnoOf, KexportError, reasonOf } from '../../errors.ts';
import type { Environment } from '../http/route.ts';
import { keepSecret } from '../http/secrets.ts';
import { jsonMembers, jsonTexts, membersOf } from '../json-texts.ts';
import { runTool } from '../run-tool.ts';
import type { Reference } from './reference.ts';

/** Who may use a registry. */
export interface Login {
  readonly user: string;
  readonly password: string;
  /** A refresh token of OAuth 2, in the place of the two. */
  readonly identityToken: string | undefined;
}

/** Undefined if no file has one: many registries let everybody read, and some write. */
export async function findLogin(
  env: Environment,
  reference: Reference,
  signal?: AbortSignal,
): Promise<Login | undefined> {
  for (const path of filesOf(env)) {
    const login = await loginIn(path, reference, signal);
    if (!login) continue;
    keepSecret(login.password);
    keepSecret(login.identityToken ?? '');
    // As it is sent.
    keepSecret(Buffer.from(`${login.user}:${login.password}`).toString('base64'));
    return login;
  }
  return undefined;
}

function filesOf(env: Environment): readonly string[] {
  const home = env['HOME'] ?? userInfo().homedir;
  const given = env['REGISTRY_AUTH_FILE'] ?? '';
  if (given !== '') return [given];
  const runtime = env['XDG_RUNTIME_DIR'] ?? `/run/containers/${String(process.getuid?.())}`;
  return [
    join(runtime, 'containers/auth.json'),
    join(env['XDG_CONFIG_HOME'] ?? join(home, '.config'), 'containers/auth.json'),
    join(env['DOCKER_CONFIG'] ?? join(home, '.docker'), 'config.json'),
  ];
}

async function loginIn(
  path: string,
  reference: Reference,
  signal: AbortSignal | undefined,
): Promise<Login | undefined> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    if (/^(ENOENT|ENOTDIR)$/.test(errnoOf(cause) ?? '')) return undefined;
    const what = `cannot read the logins of registries in ${path}: ${reasonOf(cause)}`;
    throw new KexportError('usage', what, { cause });
  });
  if (text === undefined) return undefined;
  const config = jsonMembers(text);
  const own = membersOf(config['credHelpers'])[reference.registry];
  const helper = own ?? config['credsStore'];
  const kept =
    typeof helper === 'string' && helper !== ''
      ? await fromHelper(helper, reference, path, signal)
      : undefined;
  const found = entryOf(membersOf(config['auths']), namesOf(reference));
  return kept ?? (found && decodeEntry(found));
}

/** The names that a login may have, the most specific first; that of the registry is last. */
function namesOf({ registry, repository }: Reference): readonly string[] {
  const parts = repository.split('/');
  const repositories = parts.map((_, index) => parts.slice(0, parts.length - index).join('/'));
  return [...repositories.map((each) => `${registry}/${each}`), registry];
}

/** Old files of docker have addresses: `https://index.docker.io/v1/`. */
function entryOf(
  auths: Readonly<Record<string, unknown>>,
  names: readonly string[],
): Readonly<Record<string, unknown>> | undefined {
  for (const name of names) {
    const key = Object.keys(auths).find((each) => each === name || plain(each) === name);
    if (key !== undefined) return membersOf(auths[key]);
  }
  return undefined;
}

function plain(key: string): string {
  const host = key.replace(/^https?:\/\//, '').replace(/\/(v[12]\/?)?$/, '');
  return host === 'index.docker.io' ? 'docker.io' : host;
}

/** Undefined for the empty entry that docker writes where a helper keeps the login. */
function decodeEntry({
  auth,
  identitytoken,
}: Readonly<Record<string, unknown>>): Login | undefined {
  const pair = typeof auth === 'string' ? Buffer.from(auth, 'base64').toString() : '';
  const identityToken = typeof identitytoken === 'string' ? identitytoken : undefined;
  const [, user, password = ''] = /^([^:]*):(.*)$/s.exec(pair) ?? [];
  if (user === undefined && identityToken === undefined) return undefined;
  return { user: user ?? '', password, identityToken };
}

/** What a helper of docker says ("Credential helper protocol"). */
async function fromHelper(
  helper: string,
  { registry }: Reference,
  path: string,
  signal: AbortSignal | undefined,
): Promise<Login | undefined> {
  if (!/^[\w.-]+$/.test(helper)) {
    throw new KexportError('usage', `${path} names a credential helper that is none`);
  }
  const server = registry === 'docker.io' ? 'https://index.docker.io/v1/' : registry;
  const program = `docker-credential-${helper}`;
  const text = await runTool(program, ['get'], `${path} names it`, {
    input: server,
    nothing: /^credentials not found/,
    signal,
  });
  if (text === '') return undefined;
  const { Username: user = '', Secret: password = '' } = jsonTexts(text);
  return user === '<token>'
    ? { user: '', password: '', identityToken: password }
    : { user, password, identityToken: undefined };
}
