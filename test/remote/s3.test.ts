import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { raw } from '../../formats/index.ts';
import { encode } from '../../src/export/encode.ts';
import type { Warning } from '../../src/errors.ts';
import { sourceFrom } from '../../src/open/source-from.ts';
import { partSizes } from '../../src/remote/aws/part-sizes.ts';
import { openS3File } from '../../src/remote/aws/s3-file.ts';
import { s3Sink } from '../../src/remote/aws/s3-sink.ts';
import { partFiller } from '../../src/remote/part-filler.ts';
import type { SendOptions } from '../../src/remote/store-options.ts';
import { noise } from '../support/disks.ts';
import { temporaryFolder } from '../support/folder.ts';
import { until } from '../support/until.ts';
import { AWS_ENVIRONMENT } from './check-signature.ts';
import { everyNth, type Received } from './double.ts';
import { type S3Double, startS3 } from './s3-double.ts';

const MIB = 2 ** 20;
/** Of three parts, and of one. */
const LARGE = noise(16 * MIB + 512);
const SMALL = noise(MIB);
const NAME = 's3://bucket/images/web 1+ü.raw';
const PLACE = 'bucket/images/web 1+ü.raw';

let s3: S3Double;
beforeEach(async () => {
  s3 = await startS3();
});
afterEach(() => s3.close());

async function send(options: SendOptions = {}, signal?: AbortSignal, disk = SMALL) {
  const how = { endpoint: s3.url, env: AWS_ENVIRONMENT, firstWait: 1, patience: 500, ...options };
  const sink = await s3Sink(NAME, how);
  const source = await sourceFrom(disk, { name: 'disk' });
  return encode(source, [{ format: raw(), sink }], { signal });
}

function isCompletion({ method, url }: Received): boolean {
  return method === 'POST' && url.searchParams.has('uploadId');
}

describe('an image in S3', () => {
  test('has the bytes of the disk, and its ids are reported', async () => {
    const { images } = await send({ maxLength: LARGE.length }, undefined, LARGE);
    expect(s3.objects.get(PLACE)?.bytes.equals(LARGE)).toBe(true);
    expect(images[0]?.ids?.['etag']).toBe(s3.objects.get(PLACE)?.etag);
    expect(s3.objects.get(PLACE)?.etag).toMatch(/-3"$/);
    expect(s3.uploads.size).toBe(0);
  });

  test('arrives whole if a third of the requests fail, in any way', async () => {
    const busy = { status: 503, body: '<Error><Code>SlowDown</Code></Error>' };
    s3.faults = everyNth(3, 'reset', busy, 'half', { status: 500 }, 'lost');
    await send({ patience: 5000 }, undefined, LARGE);
    expect(s3.objects.get(PLACE)?.bytes.equals(LARGE)).toBe(true);
  });

  test.each([
    ['Amazon', true],
    ['a store that does not tell checksums', false],
  ])('is complete even if the answer that says so is lost: %s', async (_, tellsChecksums) => {
    s3.state.tellsChecksums = tellsChecksums;
    let lost = 0;
    s3.faults = (request) => (isCompletion(request) && lost++ === 0 ? 'lost' : undefined);
    const { images } = await send({ maxLength: LARGE.length }, undefined, LARGE);
    expect(lost).toBe(2);
    expect(images[0]?.ids?.['etag']).toBe(s3.objects.get(PLACE)?.etag);
  });

  test('is complete if S3 fails after it has answered 200', async () => {
    const failed = { status: 200, body: '<Error><Code>InternalError</Code></Error>' };
    let count = 0;
    s3.faults = (request) => (isCompletion(request) && count++ === 0 ? failed : undefined);
    await send();
    expect(count).toBe(2);
    expect(s3.objects.has(PLACE)).toBe(true);
  });

  test('has no name until it is committed', async () => {
    const sink = await s3Sink(NAME, { endpoint: s3.url, env: AWS_ENVIRONMENT });
    await sink.write(0, [SMALL]);
    await sink.finish(SMALL.length);
    expect(s3.objects.size).toBe(0);
    await sink.commit();
    expect(s3.objects.size).toBe(1);
  });

  test('is sent with as many requests at once as are allowed', async () => {
    s3.latency = 200; // longer than a busy machine takes to read a part
    await send({ connections: 2 }, undefined, LARGE);
    expect(s3.mostAtOnce).toBe(2);
  });
});

test('fewer parts are under way as they grow, so that they take no more memory', async () => {
  const grown = 64 * MIB;
  const how = { endpoint: s3.url, env: AWS_ENVIRONMENT };
  const sink = await s3Sink(NAME, how, (partNumber) => (partNumber === 1 ? 5 * MIB : grown));
  const disk = Buffer.alloc(5 * MIB + 3 * grown);
  s3.latency = 1500; // longer than a busy machine takes to fill a part
  await sink.write(0, [disk]);
  await sink.finish(disk.length);
  s3.latency = 0;
  await sink.commit();
  expect(s3.mostAtOnce).toBe(2);
  expect(s3.objects.get(PLACE)?.bytes.length).toBe(disk.length);
});

test('the memory of a part is used again by those of its size', () => {
  const filler = partFiller((partNumber) => (partNumber <= 2 ? 10 : 20));
  const fill = () => {
    filler.add(new Uint8Array(20));
    return filler.take().bytes;
  };
  const first = fill();
  filler.recycle(first);
  const second = fill();
  expect(second.buffer).toBe(first.buffer);
  filler.recycle(second);
  const third = fill();
  expect(third.length).toBe(20);
  filler.recycle(first);
  filler.recycle(third);
  expect(fill().buffer).toBe(third.buffer);
});

describe('an object that exists', () => {
  test('is not replaced without force', async () => {
    s3.put(PLACE, Buffer.from('old'));
    await expect(send()).rejects.toMatchObject({ code: 'exists', message: `${NAME} exists` });
    expect(s3.objects.get(PLACE)?.bytes.toString()).toBe('old');
    expect(s3.uploads.size).toBe(0);
  });

  test('is not replaced if it appears during the upload', async () => {
    s3.faults = ({ method, url }) => {
      if (method === 'PUT' && url.searchParams.has('partNumber')) s3.put(PLACE, Buffer.from('new'));
      return undefined;
    };
    await expect(send()).rejects.toMatchObject({ code: 'exists' });
    expect(s3.objects.get(PLACE)?.bytes.toString()).toBe('new');
    expect(s3.uploads.size).toBe(0);
  });

  test('is replaced with force', async () => {
    s3.put(PLACE, Buffer.from('old'));
    await send({ force: true });
    expect(s3.objects.get(PLACE)?.bytes.equals(SMALL)).toBe(true);
  });
});

describe('a failed upload', () => {
  test('leaves neither parts nor an object', async () => {
    s3.faults = ({ url }) =>
      url.searchParams.get('partNumber') === '2' ? { status: 403 } : undefined;
    await expect(send({}, undefined, LARGE)).rejects.toThrow(
      /^cannot send part 2 of s3:\/\/bucket\/images\/web 1\+ü.raw: HTTP 403$/,
    );
    expect(s3.uploads.size).toBe(0);
    expect(s3.objects.size).toBe(0);
  });

  test.each(Array.from({ length: 6 }, (_, index) => index))(
    'leaves nothing if it is aborted at request %i',
    async (at) => {
      const stop = new AbortController();
      let count = 0;
      s3.latency = 2;
      s3.faults = () => {
        if (count++ === at) stop.abort();
        return undefined;
      };
      const outcome = await send({}, stop.signal).catch((error: unknown) => error);
      // What is complete by then stays.
      if (outcome instanceof Error) expect(s3.objects.size).toBe(0);
      expect(s3.uploads.size).toBe(0);
    },
  );

  test('that cannot be cleaned up is named, with the command that does it', async () => {
    const warnings: Warning[] = [];
    s3.faults = ({ method, url }) =>
      method === 'DELETE' || url.searchParams.has('partNumber') ? { status: 403 } : undefined;
    const onWarning = (warning: Warning) => void warnings.push(warning);
    await expect(send({ onWarning })).rejects.toThrow(/HTTP 403/);
    expect(warnings.map(({ code }) => code)).toEqual(['left-behind']);
    expect(warnings[0]?.message).toContain(
      "aws s3api abort-multipart-upload --bucket bucket --key 'images/web 1+ü.raw' --upload-id",
    );
  });

  test('leaves no object if every answer is lost that says it is complete', async () => {
    s3.faults = (request) => (isCompletion(request) ? 'lost' : undefined);
    await expect(send({ patience: 0 })).rejects.toThrow(/^cannot complete the upload of /);
    expect(s3.requests.some(isCompletion)).toBe(true);
    expect(s3.objects.size).toBe(0);
  });

  test('names the object if it cannot be seen whether it is complete', async () => {
    const warnings: Warning[] = [];
    const onWarning = (warning: Warning) => void warnings.push(warning);
    s3.faults = (request) => {
      if (isCompletion(request)) return 'lost';
      return request.method === 'HEAD' && s3.objects.has(PLACE) ? { status: 403 } : undefined;
    };
    await expect(send({ patience: 0, onWarning })).rejects.toThrow(
      /^cannot complete the upload of/,
    );
    expect(warnings.map(({ message }) => message)).toEqual([
      `${NAME}, which may be complete, could not be removed: cannot look for ${NAME}: HTTP 403; aws s3 rm '${NAME}' does it`,
    ]);
  });

  test('leaves what was to be replaced, even if it is the same image', async () => {
    await send();
    s3.faults = (request) => (isCompletion(request) ? { status: 500 } : undefined);
    await expect(send({ force: true, patience: 0 })).rejects.toThrow(/HTTP 500 \(tried 3 times\)$/);
    expect(s3.objects.get(PLACE)?.bytes.equals(SMALL)).toBe(true);
    expect(s3.uploads.size).toBe(0);
  });

  test("does not name another's object if parts are left", async () => {
    const warnings: Warning[] = [];
    const onWarning = (warning: Warning) => void warnings.push(warning);
    s3.faults = (request) => {
      if (isCompletion(request)) s3.put(PLACE, Buffer.from('new'));
      return request.method === 'DELETE' ? { status: 403 } : undefined;
    };
    await expect(send({ onWarning })).rejects.toMatchObject({ code: 'exists' });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]?.message).toMatch(/aws s3api abort-multipart-upload .* does it$/);
  });

  test.each([
    ['AWS_SECRET_ACCESS_KEY', 'another', /the secret key does not belong to the access key/],
    ['AWS_ACCESS_KEY_ID', 'AKIDUNKNOWN', /aws sts get-caller-identity/],
  ])('says which credential is wrong: %s', async (name, value, hint) => {
    const env = { ...AWS_ENVIRONMENT, [name]: value };
    await expect(send({ env })).rejects.toMatchObject({
      hint: expect.stringMatching(hint) as string,
    });
  });

  test('says what is missing', async () => {
    const none = { AWS_EC2_METADATA_DISABLED: 'true', HOME: '/nowhere' };
    await expect(send({ env: none })).rejects.toThrow('no credentials for AWS were found');
    await expect(s3Sink('s3://bucket', {})).rejects.toThrow(/does not name an object in S3/);
    const other = s3Sink('s3://other/key', { endpoint: s3.url, env: AWS_ENVIRONMENT });
    await expect(other).rejects.toMatchObject({
      message: expect.stringContaining('HTTP 404, NoSuchBucket') as string,
      hint: 'create the bucket first, and check its name',
    });
  });
});

test.each(['x/../y.raw', '../other/z', 'x/..', './x'])('the key %s is refused', async (key) => {
  const options = { endpoint: s3.url, env: AWS_ENVIRONMENT };
  const refusal = {
    code: 'usage',
    message: expect.stringMatching(/a key would lead to another object$/) as string,
  };
  await expect(s3Sink(`s3://bucket/${key}`, options)).rejects.toMatchObject(refusal);
  await expect(openS3File(`s3://bucket/${key}`, options)).rejects.toMatchObject(refusal);
  expect(s3.requests).toEqual([]);
});

test('a key with other dots, and with slashes that follow each other, is its own', async () => {
  const how = { endpoint: s3.url, env: AWS_ENVIRONMENT };
  const sink = await s3Sink('s3://bucket//.../%2e%2e//..x', how);
  await sink.write(0, [SMALL]);
  await sink.finish(SMALL.length);
  await sink.commit();
  expect([...s3.objects.keys()]).toEqual(['bucket//.../%2e%2e//..x']);
});

test('a bucket in another region is found there', async () => {
  const isElsewhere = ({ headers }: { headers: Readonly<Record<string, string>> }) =>
    !headers['authorization']?.includes('/us-far-9/');
  const elsewhere = { status: 301, headers: { 'x-amz-bucket-region': 'us-far-9' } };
  s3.faults = (request) => (isElsewhere(request) ? elsewhere : undefined);
  await send();
  expect(s3.objects.has(PLACE)).toBe(true);
  expect(s3.requests.filter(isElsewhere)).toHaveLength(1);
});

test.each([301, 307])(
  'a bucket on another server is named, if no region is: %i',
  async (status) => {
    const location = 'https://bucket.s3-far-9.example.com/images/web1.raw';
    s3.faults = () => ({ status, headers: { location } });
    await expect(send()).rejects.toMatchObject({
      message: `cannot look for ${NAME}: HTTP ${status}`,
      hint: 'it is at bucket.s3-far-9.example.com: set AWS_REGION to its region, or AWS_ENDPOINT_URL to its server',
    });
    expect(s3.requests).toHaveLength(1);
  },
);

test('a variable that is empty counts as not set', async () => {
  const { AWS_ACCESS_KEY_ID: id = '', AWS_SECRET_ACCESS_KEY: key = '' } = AWS_ENVIRONMENT;
  const file = join(temporaryFolder(), 'credentials');
  const lines = ['[default]', `aws_access_key_id = ${id}`, `aws_secret_access_key = ${key}`];
  writeFileSync(file, lines.join('\n'));
  const empty = [
    ...['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_WEB_IDENTITY_TOKEN_FILE'],
    ...['AWS_ROLE_ARN', 'AWS_PROFILE', 'AWS_REGION', 'AWS_ENDPOINT_URL_S3', 'AWS_CONFIG_FILE'],
  ];
  const env = {
    ...Object.fromEntries(empty.map((name) => [name, ''])),
    HOME: '/nowhere',
    AWS_SHARED_CREDENTIALS_FILE: file,
    AWS_DEFAULT_REGION: 'eu-other-1',
    AWS_ENDPOINT_URL: s3.url,
  };
  await send({ endpoint: undefined, env });
  await send({ force: true, env: { ...AWS_ENVIRONMENT, AWS_SESSION_TOKEN: '' } });
  const [first] = s3.requests;
  expect(first?.headers['authorization']).toContain('/eu-other-1/s3/');
  expect(s3.requests.at(-1)?.headers).not.toHaveProperty('x-amz-security-token');
});

test('credentials that have expired are renewed', async () => {
  const later = new Date(Date.now() + 3_600_000).toISOString();
  let given = 0;
  s3.faults = ({ url }) => {
    if (url.pathname === '/credentials') {
      given++;
      const body = JSON.stringify({
        AccessKeyId: AWS_ENVIRONMENT['AWS_ACCESS_KEY_ID'],
        SecretAccessKey: AWS_ENVIRONMENT['AWS_SECRET_ACCESS_KEY'],
        Token: `session-token-${given}`,
        Expiration: later,
      });
      return { status: 200, body };
    }
    return url.searchParams.get('partNumber') === '1' && given === 1
      ? { status: 400, body: '<Error><Code>ExpiredToken</Code></Error>' }
      : undefined;
  };
  const env = { AWS_CONTAINER_CREDENTIALS_FULL_URI: `${s3.url}/credentials`, HOME: '/nowhere' };
  await send({ env });
  expect(given).toBe(2);
  expect(s3.objects.get(PLACE)?.bytes.equals(SMALL)).toBe(true);
  expect(s3.requests.at(-1)?.headers['x-amz-security-token']).toBe('session-token-2');
});

test('credentials are used to their end if nobody gives others', async () => {
  let asked = 0;
  s3.faults = ({ url }) => {
    if (url.pathname !== '/credentials') return undefined;
    if (asked++ > 0) return { status: 503 };
    const body = JSON.stringify({
      AccessKeyId: AWS_ENVIRONMENT['AWS_ACCESS_KEY_ID'],
      SecretAccessKey: AWS_ENVIRONMENT['AWS_SECRET_ACCESS_KEY'],
      Expiration: new Date(Date.now() + 600_000).toISOString(),
    });
    return { status: 200, body };
  };
  const env = { AWS_CONTAINER_CREDENTIALS_FULL_URI: `${s3.url}/credentials`, HOME: '/nowhere' };
  const sink = await s3Sink(NAME, { endpoint: s3.url, env, firstWait: 1, patience: 10 });
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 400_000 });
  onTestFinished(() => void vi.useRealTimers());
  await sink.write(0, [SMALL]);
  await sink.finish(SMALL.length);
  await until(() => asked > 1);
  await sink.commit();
  expect(s3.objects.get(PLACE)?.bytes.equals(SMALL)).toBe(true);
});

test('10,000 parts of 1 GiB at most hold 9.7 TiB', () => {
  const total = (maxLength: number | undefined) => {
    const sizeOf = partSizes(maxLength);
    let sum = 0;
    for (let part = 1; part <= 10_000; part++) sum += sizeOf(part);
    return sum;
  };
  const TIB = 2 ** 40;
  for (const length of [1, MIB, 100 * 2 ** 30, 5 * TIB, 9.7 * TIB]) {
    expect(total(length)).toBeGreaterThanOrEqual(length);
    expect(partSizes(length)(1)).toBeLessThanOrEqual(2 ** 30);
  }
  // The longest that an image may get; most are shorter.
  expect(partSizes(48.8 * TIB)(1)).toBe(2 ** 30);
  expect(() => partSizes(48.8 * TIB)(10_001)).toThrow(/10,000 parts: 9.7 TiB/);
  expect(partSizes(undefined)(10_000)).toBe(2 ** 30);
  expect(total(undefined)).toBeGreaterThan(3.8 * TIB);
  expect(() => partSizes(undefined)(10_001)).toThrow(/10,000 parts: 3.8 TiB/);
});
