// How a registry is asked: as anybody, with a name and a password, or with a token for one
// repository ("Token Authentication Specification" of the distribution project).

import { KexportError } from '../../errors.ts';
import type { HttpClient } from '../http/client.ts';
import type { HttpResponse, Method } from '../http/exchange.ts';
import { keepSecret } from '../http/secrets.ts';
import { jsonMembers } from '../json-texts.ts';
import { type Ending, type Renewed, renewed } from '../renewed.ts';
import type { Login } from './login.ts';
import type { Reference } from './reference.ts';

/** What a registry wants, as it says in `WWW-Authenticate`. */
interface Challenge {
  readonly scheme: 'basic' | 'bearer';
  /** Of the address that gives tokens: `realm`, `service`. */
  readonly parameters: Readonly<Record<string, string>>;
}

interface RegistryToken extends Ending {
  readonly text: string;
}

export interface Authorization {
  /** The header fields of a request, whose signal ends what finds them. Throws a KexportError. */
  headers(
    method: Method,
    signal: AbortSignal | undefined,
  ): Promise<Readonly<Record<string, string>>>;
  /** Does as the registry wants that has refused a request; false if that was done before. */
  accept(refusal: HttpResponse, method: Method): boolean;
}

/** A token lives for a minute if nothing is said. In seconds. */
const TOKEN_LIFE = 60;

/** How long before its end another token is asked for, in milliseconds. */
const MARGIN = 10_000;

/** The signal ends the search. */
type FindLogin = (signal?: AbortSignal) => Promise<Login | undefined>;

/** `isPlain` says whether the registry is reached by http: then its tokens may come by http too. */
export function authorization(
  reference: Reference,
  { isPlain, findLogin }: { isPlain: boolean; findLogin: FindLogin },
  client: HttpClient,
): Authorization {
  let challenge: Challenge | undefined;
  let tokens: Renewed<RegistryToken> | undefined;
  let deleting: Renewed<RegistryToken> | undefined; // tokens for what the others do not allow
  let login: Promise<Login | undefined> | undefined;
  const findOnce: FindLogin = (signal) => (login ??= findLogin(signal));
  const tokensFor = (actions: string, { parameters }: Challenge) => {
    const place = { ...parameters, ...reference, isPlain, actions };
    return renewed(async () => askToken(place, await findOnce(), client), MARGIN);
  };
  const tokensOf = (method: Method) => (method === 'DELETE' ? deleting : undefined) ?? tokens;
  return {
    async headers(method, signal) {
      if (!challenge) return {};
      const found = await findOnce(signal);
      const used = tokensOf(method);
      if (used) return { authorization: `Bearer ${(await used.get()).text}` };
      return found ? { authorization: basic(found) } : {};
    },
    accept({ headers }, method) {
      const wanted = decodeChallenge(headers['www-authenticate'] ?? '');
      if (!challenge) {
        challenge = wanted;
        if (challenge?.scheme === 'bearer') tokens = tokensFor('pull,push', challenge);
        return challenge !== undefined;
      }
      if (tokens && !deleting && method === 'DELETE' && wantsDelete(wanted)) {
        deleting = tokensFor('pull,push,delete', challenge);
        return true;
      }
      return tokensOf(method)?.renew() ?? false;
    },
  };
}

/**
 * Whether a token lacks the action that the reference implementation wants for every DELETE. Not
 * every registry knows it, so that it is asked for only where it is wanted.
 */
function wantsDelete(challenge: Challenge | undefined): boolean {
  return /[:,](delete|\*)(,|$)/.test(challenge?.parameters['scope'] ?? '');
}

function basic({ user, password }: Login): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

function decodeChallenge(text: string): Challenge | undefined {
  const scheme = /^(basic|bearer)\b/i.exec(text)?.[1]?.toLowerCase();
  if (scheme !== 'basic' && scheme !== 'bearer') return undefined;
  const parameters = Object.fromEntries(
    [...text.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]),
  );
  return { scheme, parameters };
}

/** Where a token is asked for, and for what. */
interface TokenPlace extends Reference {
  readonly isPlain: boolean;
  /** What it is to allow, separated by commas. */
  readonly actions: string;
  readonly realm?: string;
  readonly service?: string;
}

async function askToken(
  { registry, repository, isPlain, actions, realm = '', service = '' }: TokenPlace,
  login: Login | undefined,
  client: HttpClient,
): Promise<RegistryToken> {
  const what = `ask for a token of ${registry}`;
  if (!URL.canParse(realm) || !(isPlain || realm.startsWith('https:'))) {
    throw new KexportError('target', `cannot ${what}: it names no address of https for it`);
  }
  const wanted = { service, scope: `repository:${repository}:${actions}` };
  const url = new URL(realm);
  const request = { what, url, explain: () => ({ hint: `docker login ${registry}` }) };
  const token = login?.identityToken;
  if (token === undefined) {
    for (const [name, value] of Object.entries(wanted)) url.searchParams.set(name, value);
    const headers = login && { authorization: basic(login) };
    return decodeToken(await client.send({ ...request, method: 'GET', headers }), what);
  }
  const form = { ...wanted, grant_type: 'refresh_token', client_id: 'kexport' };
  const body = new URLSearchParams({ ...form, refresh_token: token });
  const answer = await client.send({
    ...request,
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: [Buffer.from(body.toString())],
  });
  return decodeToken(answer, what);
}

function decodeToken({ body }: HttpResponse, what: string): RegistryToken {
  const { token, access_token: other, expires_in: life } = jsonMembers(body.toString());
  const text = token ?? other;
  if (typeof text !== 'string' || text === '') {
    throw new KexportError('target', `cannot ${what}: there is none in the answer`);
  }
  const seconds = typeof life === 'number' ? life : TOKEN_LIFE;
  return { text: keepSecret(text), expiresAt: Date.now() + seconds * 1000 };
}
