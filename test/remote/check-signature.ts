import { createHash, createHmac } from 'node:crypto';
import type { Received, Reply } from './double.ts';

export const ACCESS_KEY = 'AKIDEXAMPLE000000001';
export const SECRET_KEY = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';

/** The environment of a program that uses these keys. */
export const AWS_ENVIRONMENT: Record<string, string> = {
  AWS_ACCESS_KEY_ID: ACCESS_KEY,
  AWS_SECRET_ACCESS_KEY: SECRET_KEY,
  AWS_REGION: 'eu-test-1',
  AWS_EC2_METADATA_DISABLED: 'true',
};

/** How far a date may be off, in milliseconds. */
const MAX_SKEW = 15 * 60_000;

/** The service's code for what is wrong with a signature, version 4; undefined if it is right. */
export function signatureFault(
  { method, target, headers, body }: Received,
  service: string,
): string | undefined {
  const { authorization = '' } = headers;
  const [, credential = '', names = '', signature] =
    /^AWS4-HMAC-SHA256 Credential=([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
      authorization,
    ) ?? [];
  if (signature === undefined) return 'AccessDenied';
  const [key, ...scope] = credential.split('/');
  if (key !== ACCESS_KEY) return 'InvalidAccessKeyId';
  if (scope[2] !== service || scope[3] !== 'aws4_request') return 'AuthorizationHeaderMalformed';
  const date = headers['x-amz-date'] ?? '';
  const time = Date.parse(date.replace(/^(....)(..)(..)T(..)(..)/, '$1-$2-$3T$4:$5:'));
  if (!(Math.abs(time - Date.now()) < MAX_SKEW)) return 'RequestTimeTooSkewed';
  const hash = headers['x-amz-content-sha256'] ?? '';
  if (hash !== 'UNSIGNED-PAYLOAD' && hash !== sha256(body)) return 'XAmzContentSHA256Mismatch';
  // What changes the meaning of a request must be signed.
  const open = Object.keys(headers).filter((name) => /^(host|x-amz-.*)$/.test(name));
  if (open.some((name) => !names.split(';').includes(name))) return 'AccessDenied';
  const [path = '', query = ''] = target.split('?');
  const request = [
    method,
    service === 's3' ? path : path.split('/').map(encodeURIComponent).join('/'),
    query.split('&').sort().join('&'),
    ...names.split(';').map((name) => `${name}:${(headers[name] ?? '').trim()}`),
    '',
    names,
    hash,
  ].join('\n');
  const text = ['AWS4-HMAC-SHA256', date, scope.join('/'), sha256(request)].join('\n');
  let signing: Buffer = Buffer.from(`AWS4${SECRET_KEY}`);
  for (const part of scope) signing = hmac(signing, part);
  return hmac(signing, text).toString('hex') === signature ? undefined : 'SignatureDoesNotMatch';
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function sha256(text: string | Buffer): string {
  return createHash('sha256').update(text).digest('hex');
}

/** An error as S3 and EC2 write it. */
export function xmlError(status: number, code: string, message = code): Reply {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message><RequestId>4442587FB7D0A2F9</RequestId></Error>`;
  return { status, headers: { 'content-type': 'application/xml' }, body };
}
