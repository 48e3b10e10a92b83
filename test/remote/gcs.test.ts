import { generateKeyPairSync, verify } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { raw } from '../../formats/index.ts';
import { encode } from '../../src/export/encode.ts';
import type { Warning } from '../../src/errors.ts';
import { openSource } from '../../src/open/open-source.ts';
import { sourceFrom } from '../../src/open/source-from.ts';
import { openGcsFile } from '../../src/remote/google/gcs-file.ts';
import { gcsSink } from '../../src/remote/google/gcs-sink.ts';
import type { SendOptions } from '../../src/remote/store-options.ts';
import { noise } from '../support/disks.ts';
import { fakeCommands, pathWith } from '../support/fake-commands.ts';
import { temporaryFolder } from '../support/folder.ts';
import { until } from '../support/until.ts';
import { everyNth, type Received } from './double.ts';
import { type GcsDouble, GOOGLE_ENVIRONMENT, startGcs, sumOf, TOKEN } from './gcs-double.ts';

const MIB = 2 ** 20;
/** Of a part and a piece, of one piece, of one whole part. */
const LARGE = noise(17 * MIB + 512);
const SMALL = noise(MIB);
const PART = LARGE.subarray(0, 16 * MIB);
const NAME = 'gs://bucket/images/web 1+ü.raw';
const KEY = 'images/web 1+ü.raw';

let gcs: GcsDouble;
beforeEach(async () => {
  gcs = await startGcs();
});
afterEach(() => gcs.close());

async function send(options: SendOptions = {}, signal?: AbortSignal, disk = SMALL) {
  const how = { endpoint: gcs.url, env: GOOGLE_ENVIRONMENT, firstWait: 1, patience: 500 };
  const sink = await gcsSink(NAME, { ...how, ...options });
  const source = await sourceFrom(disk, { name: 'disk' });
  return encode(source, [{ format: raw(), sink }], { signal });
}

function isPut({ method, headers }: Received): boolean {
  return method === 'PUT' && /^bytes \d/.test(headers['content-range'] ?? '');
}

describe('an image in Google Cloud Storage', () => {
  test.each([
    ['of several parts', LARGE],
    ['of one part and no more', PART],
    ['of less than a part', SMALL],
  ])('has the bytes of the disk: %s', async (_, disk) => {
    const { images } = await send({}, undefined, disk);
    const object = gcs.objects.get(KEY);
    expect(object?.bytes.equals(disk)).toBe(true);
    expect(images[0]?.ids).toEqual({
      generation: String(object?.generation),
      crc32c: sumOf(disk),
    });
    expect(gcs.sessions.size).toBe(0);
  });

  test('arrives whole if a third of the requests fail, in any way', async () => {
    gcs.faults = everyNth(3, 'reset', { status: 503 }, 'half', { status: 500 }, 'lost', {
      status: 429,
    });
    await send({ patience: 5000 }, undefined, LARGE);
    expect(gcs.objects.get(KEY)?.bytes.equals(LARGE)).toBe(true);
  });

  test('arrives whole if less is kept of each request than was sent', async () => {
    gcs.state.keptUnits = 20;
    let count = 0;
    gcs.faults = (request) => (isPut(request) && ++count % 3 === 2 ? 'lost' : undefined);
    await send({ patience: 5000 }, undefined, LARGE);
    expect(gcs.objects.get(KEY)?.bytes.equals(LARGE)).toBe(true);
    expect(gcs.requests.some(({ headers }) => headers['content-range'] === 'bytes */*')).toBe(true);
  });

  test('is complete even if the answer that says so is lost', async () => {
    let lost = 0;
    gcs.faults = ({ headers }) =>
      headers['x-goog-hash'] !== undefined && lost++ === 0 ? 'lost' : undefined;
    const { images } = await send();
    expect(images[0]?.ids?.['generation']).toBe(String(gcs.objects.get(KEY)?.generation));
  });

  test('is complete if the connection hangs', async () => {
    let hung = 0;
    gcs.faults = (request) => (isPut(request) && hung++ === 0 ? 'hang' : undefined);
    await send({ timeouts: { idle: 1000 }, patience: 20_000 });
    expect(gcs.objects.get(KEY)?.bytes.equals(SMALL)).toBe(true);
  });

  test('has no name until it is committed', async () => {
    const sink = await gcsSink(NAME, { endpoint: gcs.url, env: GOOGLE_ENVIRONMENT });
    await sink.write(0, [SMALL]);
    await sink.finish(SMALL.length);
    expect(gcs.objects.size).toBe(0);
    await sink.commit();
    expect(gcs.objects.size).toBe(1);
  });
});

describe('an object of Google that exists', () => {
  test('is not replaced without force', async () => {
    gcs.put(KEY, Buffer.from('old'));
    await expect(send()).rejects.toMatchObject({ code: 'exists', message: `${NAME} exists` });
    expect(gcs.objects.get(KEY)?.bytes.toString()).toBe('old');
    expect(gcs.sessions.size).toBe(0);
  });

  test('is not replaced if it appears during the upload', async () => {
    gcs.faults = (request) => {
      if (isPut(request)) gcs.put(KEY, Buffer.from('new'));
      return undefined;
    };
    await expect(send()).rejects.toMatchObject({ code: 'exists' });
    expect(gcs.objects.get(KEY)?.bytes.toString()).toBe('new');
  });

  test('is replaced with force', async () => {
    gcs.put(KEY, Buffer.from('old'));
    await send({ force: true });
    expect(gcs.objects.get(KEY)?.bytes.equals(SMALL)).toBe(true);
  });
});

describe('a failed upload to Google', () => {
  test.each(Array.from({ length: 7 }, (_, index) => index))(
    'leaves nothing if it is aborted at request %i',
    async (at) => {
      const stop = new AbortController();
      let count = 0;
      gcs.latency = 2;
      gcs.faults = () => {
        if (count++ === at) stop.abort();
        return undefined;
      };
      const outcome = await send({ verify: true }, stop.signal).catch((error: unknown) => error);
      if (outcome instanceof Error) expect(gcs.objects.size).toBe(0);
      expect(gcs.sessions.size).toBe(0);
    },
  );

  test('leaves no object whose CRC-32C is another', async () => {
    gcs.state.spoils = true;
    await expect(send()).rejects.toThrow(/has the CRC-32C \S{8}, what was sent has \S{8}$/);
    expect(gcs.objects.size).toBe(0);
  });

  test('that cannot be cleaned up is named', async () => {
    const warnings: Warning[] = [];
    gcs.state.spoils = true;
    gcs.faults = ({ method }) => (method === 'DELETE' ? { status: 403 } : undefined);
    await expect(send({ onWarning: (warning) => void warnings.push(warning) })).rejects.toThrow();
    const generation = String(gcs.objects.get(KEY)?.generation);
    expect(warnings[0]?.message).toContain(`gcloud storage rm '${NAME}#${generation}' does it`);
  });

  test('says what is wrong, and shows neither the token nor the address of the upload', async () => {
    gcs.faults = (request) =>
      isPut(request) ? { status: 403, body: `${TOKEN} at ${request.url.href}` } : undefined;
    const error = await send().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      message: expect.stringMatching(/^cannot send bytes 0-1048576 of gs:.*: HTTP 403/) as string,
      hint: expect.stringContaining('Storage Object User') as string,
    });
    expect(String(error)).not.toMatch(/ya29|ABg5/);
    await expect(gcsSink('gs://bucket/', {})).rejects.toThrow(/does not name an object in Google/);
    await expect(gcsSink('gs://bucket/..', {})).rejects.toThrow(/would lead to another object$/);
    await expect(gcsSink('gs://bucket/x.tgz', { formatName: 'gce' })).rejects.toThrow(/\.tar\.gz/);
    const other = gcsSink('gs://other/key', { endpoint: gcs.url, env: GOOGLE_ENVIRONMENT });
    await expect(other).rejects.toMatchObject({
      hint: expect.stringContaining('create the bucket first') as string,
    });
  });
});

describe('a token of Google', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  let given: number;
  beforeEach(() => {
    given = 0;
    gcs.state.tokens.clear();
  });

  /** Answers with a token that is valid for an hour. */
  function give() {
    const token = `ya29.number-${++given}`;
    gcs.state.tokens.add(token);
    return { status: 200, body: JSON.stringify({ access_token: token, expires_in: 3600 }) };
  }

  function fileOf(fields: object): Record<string, string> {
    const path = join(temporaryFolder(), 'credentials.json');
    writeFileSync(path, JSON.stringify({ ...fields, token_uri: `${gcs.url}/token` }));
    return { GOOGLE_APPLICATION_CREDENTIALS: path };
  }

  test('is asked for by the key of a service account', async () => {
    const email = 'kexport@project.iam.gserviceaccount.com';
    gcs.state.other = ({ url, body }) => {
      const form = new URLSearchParams(body.toString());
      const [head = '', claims = '', signature = ''] = (form.get('assertion') ?? '').split('.');
      const data = Buffer.from(`${head}.${claims}`);
      const isValid = verify('sha256', data, publicKey, Buffer.from(signature, 'base64url'));
      const decoded: unknown = JSON.parse(Buffer.from(claims, 'base64url').toString());
      expect(decoded).toMatchObject({ iss: email, aud: url.href });
      return isValid ? give() : { status: 400 };
    };
    const fields = { type: 'service_account', client_email: email, private_key: key };
    await send({ env: fileOf(fields) });
    expect(given).toBe(1);
  });

  test('is asked for by a refresh token', async () => {
    gcs.state.other = ({ body }) =>
      body.toString() ===
      'grant_type=refresh_token&client_id=id&client_secret=secret%2Fkey&refresh_token=1%2F%2Frefresh'
        ? give()
        : { status: 400, body: '{"error":"invalid_grant"}' };
    const user = { type: 'authorized_user', client_id: 'id', client_secret: 'secret/key' };
    await send({ env: fileOf({ ...user, refresh_token: '1//refresh' }) });
    expect(given).toBe(1);
    const error = await send({ env: fileOf({ ...user, refresh_token: '1//revoked' }) }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({
      message: expect.stringContaining('HTTP 400, invalid_grant') as string,
      hint: expect.stringContaining('gcloud auth application-default login') as string,
    });
  });

  test('of the gcloud CLI is not waited for by a run that is aborted', async () => {
    const folder = fakeCommands({ gcloud: 'touch hangs; exec tail -f /dev/null' });
    vi.stubEnv('PATH', pathWith(folder));
    const stop = new AbortController();
    const env = { HOME: '/nowhere', NO_GCE_CHECK: 'true' };
    const sending = send({ env, signal: stop.signal }).catch((error: unknown) => error);
    await until(() => existsSync(join(folder, 'hangs')));
    stop.abort();
    expect(await sending).toMatchObject({ code: 'aborted' });
    vi.unstubAllEnvs();
  }, 30_000);

  test('is found in the folder of the user if CLOUDSDK_CONFIG is empty', async () => {
    gcs.state.other = give;
    const HOME = temporaryFolder();
    const folder = join(HOME, '.config/gcloud');
    mkdirSync(folder, { recursive: true });
    const fields = { type: 'authorized_user', token_uri: `${gcs.url}/token` };
    writeFileSync(join(folder, 'application_default_credentials.json'), JSON.stringify(fields));
    await send({ env: { HOME, CLOUDSDK_CONFIG: '', NO_GCE_CHECK: 'true' } });
    expect(given).toBe(1);
  });

  test('comes from the metadata server, and is renewed when it has expired', async () => {
    gcs.state.other = ({ headers }) =>
      headers['metadata-flavor'] === 'Google' ? give() : { status: 403 };
    gcs.faults = (request) => {
      if (isPut(request) && given === 1) gcs.state.tokens.clear();
      return undefined;
    };
    const env = { HOME: '/nowhere', GCE_METADATA_HOST: new URL(gcs.url).host };
    await send({ env });
    expect(given).toBe(2);
    expect(gcs.objects.get(KEY)?.bytes.equals(SMALL)).toBe(true);
  });

  test('says so if a file of credentials is not there, or has no key', async () => {
    const env = { GOOGLE_APPLICATION_CREDENTIALS: '/nowhere/key.json' };
    await expect(send({ env })).rejects.toThrow(/cannot read the credentials in \/nowhere\/key/);
    const fields = { type: 'service_account', client_email: 'x@y', private_key: 'no key' };
    await expect(send({ env: fileOf(fields) })).rejects.toThrow(/has no private key/);
  });
});

describe('a disk in Google Cloud Storage', () => {
  test('is read by ranges of one generation', async () => {
    gcs.put('disk.raw', SMALL);
    const options = { endpoint: gcs.url, env: GOOGLE_ENVIRONMENT };
    const file = await openGcsFile('gs://bucket/disk.raw', options);
    const bytes = Buffer.alloc(1000);
    await file.read(500, bytes);
    expect(bytes.equals(SMALL.subarray(500, 1500))).toBe(true);
    gcs.put('disk.raw', SMALL);
    await expect(file.read(500, bytes)).rejects.toThrow(/disk.raw changed while it was read/);
    await file.close();
  });

  test('is a source, also in an emulator', async () => {
    gcs.put('disk.raw', SMALL);
    gcs.state.tokens.add('');
    process.env['STORAGE_EMULATOR_HOST'] = new URL(gcs.url).host;
    try {
      await using source = await openSource('gs://bucket/disk.raw');
      expect(source.size).toBe(SMALL.length);
    } finally {
      delete process.env['STORAGE_EMULATOR_HOST'];
    }
  });
});
