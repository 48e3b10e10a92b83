// Signature Version 4 of AWS ("Create a signed AWS API request" in the IAM user guide).

import { createHash, createHmac } from 'node:crypto';

/** What a request is signed with. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
  /** When they end, in milliseconds since 1970; undefined: never. */
  readonly expiresAt?: number | undefined;
}

/** What is signed. The body is represented by its hash. */
export interface Signable {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** SHA-256 in hexadecimal digits, or `UNSIGNED-PAYLOAD`. */
  readonly bodySha256: string;
}

/** Where a signature is valid. */
export interface SigningScope {
  readonly region: string;
  /** Such as `s3`. */
  readonly service: string;
}

/** SHA-256 of nothing, in hexadecimal digits. */
export const NO_BODY = createHash('sha256').digest('hex');

/** The header fields to add to a request: its date, the hash of its body, its signature. */
export function signed(
  { method, url, headers, bodySha256 }: Signable,
  { accessKeyId, secretAccessKey, sessionToken }: AwsCredentials,
  { region, service }: SigningScope,
  now = new Date(),
): Record<string, string> {
  const date = now.toISOString().replace(/[-:]|\.\d+/g, ''); // 20260102T030405Z
  const added = {
    'x-amz-date': date,
    'x-amz-content-sha256': bodySha256,
    ...(sessionToken !== undefined && { 'x-amz-security-token': sessionToken }),
  };
  const all = Object.entries({ host: url.host, ...headers, ...added })
    .map(([name, value]) => [name.toLowerCase(), value.trim().replace(/ +/g, ' ')] as const)
    .sort(byName);
  const names = all.map(([name]) => name).join(';');
  const request = [
    method,
    service === 's3' ? url.pathname : url.pathname.split('/').map(uriEncoded).join('/'),
    canonicalQuery(url),
    ...all.map(([name, value]) => `${name}:${value}`),
    '',
    names,
    bodySha256,
  ].join('\n');
  const scope = `${date.slice(0, 8)}/${region}/${service}/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', date, scope, sha256(request)].join('\n');
  const key = scope
    .split('/')
    .reduce<string | Buffer>((secret, part) => hmac(secret, part), `AWS4${secretAccessKey}`);
  const signature = hmac(key, text).toString('hex');
  const credential = `${accessKeyId}/${scope}`;
  return {
    ...added,
    authorization: `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names}, Signature=${signature}`,
  };
}

/** Percent-encoding of everything but letters, digits and `-._~`. */
export function uriEncoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** A query as it is signed; build the query of the address with this too. */
export function canonicalQuery({ searchParams }: URL): string {
  return [...searchParams]
    .map(([name, value]) => [uriEncoded(name), uriEncoded(value)] as const)
    .sort(byName)
    .map((pair) => pair.join('='))
    .join('&');
}

function byName([one]: readonly [string, string], [other]: readonly [string, string]): number {
  return one < other ? -1 : Number(one > other);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
