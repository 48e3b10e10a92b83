// Finds an access token where Google's own tools do: the environment, the application default
// credentials, the metadata server, and at last the gcloud CLI.

import { createPrivateKey, createSign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { errnoOf, KexportError, reasonOf } from '../../errors.ts';
import type { HttpClient } from '../http/client.ts';
import { failureOf } from '../http/failure.ts';
import type { Environment } from '../http/route.ts';
import { keepSecret } from '../http/secrets.ts';
import { jsonMembers, jsonTexts } from '../json-texts.ts';
import { type Ending, type Renewed, renewed } from '../renewed.ts';
import { runTool } from '../run-tool.ts';

/** An access token of OAuth 2. */
export interface GoogleToken extends Ending {
  readonly text: string;
}

/** What the tokens are for. */
const SCOPE = 'https://www.googleapis.com/auth/devstorage.read_write';

const TOKEN_ADDRESS = 'https://oauth2.googleapis.com/token';

/** How long a token of the gcloud CLI is used, in milliseconds: it is valid for an hour. */
const TOOL_TOKEN_LIFE = 3_000_000;

/** How long a signed request for a token is valid, in seconds. */
const ASSERTION_LIFE = 3600;

/** Outside of Google Cloud nobody answers there. In milliseconds. */
const SHORT = { patience: 1000, timeouts: { connect: 1000, idle: 2000 } };

export interface GoogleTokens extends Pick<Renewed<GoogleToken>, 'renew'> {
  /** The signal ends the gcloud CLI, if that is asked. Throws a KexportError if there is none. */
  get(signal: AbortSignal | undefined): Promise<GoogleToken>;
}

/** The tokens of this process. */
export function googleTokens(env: Environment, client: HttpClient): GoogleTokens {
  let signal: AbortSignal | undefined; // of the request that a token was asked for last
  const tokens = renewed(async () => {
    const { GOOGLE_OAUTH_ACCESS_TOKEN, CLOUDSDK_AUTH_ACCESS_TOKEN } = env;
    const given = [GOOGLE_OAUTH_ACCESS_TOKEN, CLOUDSDK_AUTH_ACCESS_TOKEN].find(Boolean);
    const found =
      (given === undefined ? undefined : { text: given }) ??
      (await fromFile(env, client, signal)) ??
      (await fromMetadata(env, client)) ??
      (await fromTool(['auth', 'print-access-token'], signal));
    keepSecret(found.text);
    return found;
  });
  return {
    get(asking) {
      signal = asking;
      return tokens.get();
    },
    renew: () => tokens.renew(),
  };
}

/** Application default credentials. */
async function fromFile(
  env: Environment,
  client: HttpClient,
  signal: AbortSignal | undefined,
): Promise<GoogleToken | undefined> {
  const given = env['GOOGLE_APPLICATION_CREDENTIALS'] ?? '';
  const folder =
    env['CLOUDSDK_CONFIG'] ?? join(env['HOME'] ?? userInfo().homedir, '.config/gcloud');
  const path = given === '' ? join(folder, 'application_default_credentials.json') : given;
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    if (given === '' && /^(ENOENT|ENOTDIR)$/.test(errnoOf(cause) ?? '')) return undefined;
    const what = `cannot read the credentials in ${path}: ${reasonOf(cause)}`;
    throw new KexportError('usage', what, { cause });
  });
  if (text === undefined) return undefined;
  const fields = jsonTexts(text);
  if (fields['type'] === 'service_account') return ofServiceAccount(fields, path, client);
  if (fields['type'] === 'authorized_user') return ofUser(fields, client);
  // Others, such as those of a federation of workloads, take more than a request.
  return fromTool(['auth', 'application-default', 'print-access-token'], signal);
}

type Fields = Readonly<Record<string, string>>;

/** By a JSON Web Token that the account's key signs (RFC 7523). */
async function ofServiceAccount(
  fields: Fields,
  path: string,
  client: HttpClient,
): Promise<GoogleToken> {
  const { client_email: email = '', private_key: key = '', token_uri: address } = fields;
  const now = Math.floor(Date.now() / 1000);
  const header = { alg: 'RS256', typ: 'JWT', kid: fields['private_key_id'] };
  const audience = address ?? TOKEN_ADDRESS;
  const life = { iat: now, exp: now + ASSERTION_LIFE };
  const claims = { iss: email, scope: SCOPE, aud: audience, ...life };
  const text = [header, claims].map(encoded).join('.');
  const signature = signed(text, key, path);
  const form = {
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion: `${text}.${signature}`,
  };
  return ask(`ask for a token of ${email}`, audience, form, client);
}

function signed(text: string, key: string, path: string): string {
  try {
    return createSign('RSA-SHA256').update(text).sign(createPrivateKey(key), 'base64url');
  } catch (cause) {
    throw new KexportError('usage', `${path} has no private key that can be used`, { cause });
  }
}

function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

async function ofUser(fields: Fields, client: HttpClient): Promise<GoogleToken> {
  const { client_id = '', client_secret = '', refresh_token = '' } = fields;
  keepSecret(client_secret);
  keepSecret(refresh_token);
  const form = { grant_type: 'refresh_token', client_id, client_secret, refresh_token };
  const address = fields['token_uri'] ?? TOKEN_ADDRESS;
  return ask('ask for a token by the refresh token of gcloud', address, form, client);
}

async function ask(
  what: string,
  address: string,
  form: Fields,
  client: HttpClient,
): Promise<GoogleToken> {
  const { body } = await client.send({
    what,
    method: 'POST',
    url: new URL(address),
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: [Buffer.from(new URLSearchParams(form).toString())],
    explain: ({ body: answer }) => {
      const { error: code, error_description: message } = jsonTexts(answer.toString());
      return { code, message, hint: 'gcloud auth application-default login makes new credentials' };
    },
  });
  return decode(body.toString(), what);
}

/** Undefined outside of Google Cloud, and on a machine that has no service account. */
async function fromMetadata(
  env: Environment,
  client: HttpClient,
): Promise<GoogleToken | undefined> {
  if (env['NO_GCE_CHECK']?.toLowerCase() === 'true') return undefined;
  const host = env['GCE_METADATA_HOST'] ?? '169.254.169.254';
  const what = 'ask the metadata server for a token';
  try {
    const { body } = await client.send({
      what,
      method: 'GET',
      url: new URL(`http://${host}/computeMetadata/v1/instance/service-accounts/default/token`),
      headers: { 'metadata-flavor': 'Google' },
      ...SHORT,
    });
    return decode(body.toString(), what);
  } catch (error) {
    if (failureOf(error)) return undefined;
    throw error;
  }
}

function decode(json: string, what: string): GoogleToken {
  const { access_token: text, expires_in: life } = jsonMembers(json);
  if (typeof text === 'string' && text !== '') {
    return { text, expiresAt: typeof life === 'number' ? Date.now() + life * 1000 : undefined };
  }
  throw new KexportError('usage', `cannot ${what}: there is none in the answer`);
}

async function fromTool(
  args: readonly string[],
  signal: AbortSignal | undefined,
): Promise<GoogleToken> {
  const hint =
    'gcloud auth login, or set GOOGLE_APPLICATION_CREDENTIALS to the file of a service account, or GOOGLE_OAUTH_ACCESS_TOKEN';
  const text = (await runTool('gcloud', args, hint, { signal })).trim();
  if (text !== '') return { text, expiresAt: Date.now() + TOOL_TOKEN_LIFE };
  throw new KexportError('usage', `gcloud ${args.join(' ')} printed no token`, { hint });
}
