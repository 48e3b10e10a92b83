import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openSource } from '../../src/open/open-source.ts';
import { openRemoteFile, remoteSink } from '../../src/remote/open-remote.ts';
import { redirectedTo } from '../../src/remote/redirect.ts';
import { remoteFile } from '../../src/remote/remote-file.ts';
import { noise, withPartition } from '../support/disks.ts';
import { temporaryFolder } from '../support/folder.ts';
import { kexportMeanwhile } from '../support/kexport.ts';
import { run } from '../support/peers.ts';
import { AWS_ENVIRONMENT } from './check-signature.ts';
import { type Double, type Fault, startDouble } from './double.ts';
import { rangeReply, type S3Double, startS3 } from './s3-double.ts';

const MIB = 2 ** 20;
const DISK = withPartition(Buffer.concat([noise(3 * MIB), Buffer.alloc(9 * MIB), noise(MIB)]));
const SECRET = 'sig=c2VjcmV0L3NpZ25hdHVyZQ%3D%3D';

/** What a server says of a version of a file, by the first byte of the file. */
type Validators = (version: number) => Record<string, string>;

/** Serves files by ranges, to those who have the signature. */
async function startWeb(files: ReadonlyMap<string, Buffer>): Promise<Web> {
  const state: { validators: Validators } = { validators: (version) => ({ etag: `"${version}"` }) };
  const double = await startDouble(({ url, headers }) => {
    if (url.search !== `?${SECRET}`) return { status: 403, body: `no ${url.search}` };
    const bytes = files.get(url.pathname.slice(1));
    if (!bytes) return { status: 404 };
    const known = state.validators(bytes[0] ?? 0);
    if ((headers['if-match'] ?? known['etag']) !== known['etag']) return { status: 412 };
    return rangeReply(bytes, headers['range'], known);
  });
  return Object.assign(double, { state });
}

interface Web extends Double {
  readonly state: { validators: Validators };
}

let web: Web;
let files: Map<string, Buffer>;
beforeEach(async () => {
  files = new Map([['disk.raw', Buffer.from(DISK)]]);
  web = await startWeb(files);
});
afterEach(() => web.close());

/** All of a disk at an address, from front to back. */
async function read(address: string): Promise<Buffer> {
  const disk = Buffer.alloc(DISK.length);
  await using source = await openSource(address);
  const buffer = new Uint8Array(4 * MIB);
  for (;;) {
    const extent = await source.next(buffer);
    if (!extent) return disk;
    disk.set(buffer.subarray(0, extent.length), extent.diskOffset);
  }
}

describe('a disk at an address', () => {
  test('is read by ranges, several at a time', async () => {
    web.latency = 100;
    expect((await read(`${web.url}/disk.raw?${SECRET}`)).equals(DISK)).toBe(true);
    expect(web.mostAtOnce).toBeGreaterThan(3);
    const sent = web.requests.filter(({ method }) => method === 'GET').length;
    expect(sent).toBeLessThan(20);
  });

  test('is read whole although requests fail', async () => {
    let count = 0;
    const faults = ['reset', 'half', { status: 503 }] as const;
    web.faults = () => (++count % 5 === 0 ? faults[count % 3] : undefined);
    expect((await read(`${web.url}/disk.raw?${SECRET}`)).equals(DISK)).toBe(true);
  });

  test.each<[by: string, validators: Validators]>([
    ['a strong entity tag', (version) => ({ etag: `"${version}"` })],
    ['a weak one', (version) => ({ etag: `W/"${version}"` })],
    ['its date', (version) => ({ 'last-modified': new Date(version * 1000).toUTCString() })],
  ])('must not change while it is read, which %s shows', async (_, validators) => {
    web.state.validators = validators;
    web.faults = ({ headers }) => {
      const [, from = '0'] = /^bytes=(\d+)/.exec(headers['range'] ?? '') ?? [];
      if (Number(from) > MIB) files.get('disk.raw')?.fill(7, 0, 1);
      return undefined;
    };
    const length = read(`${web.url}/disk.raw?${SECRET}`).then((disk) => disk.length);
    await expect(length).rejects.toThrow(`${web.url}/disk.raw changed while it was read`);
  });

  test('is read by an address that is signed for GET alone', async () => {
    web.faults = ({ method }) => (method === 'GET' ? undefined : { status: 403 });
    expect((await read(`${web.url}/disk.raw?${SECRET}`)).equals(DISK)).toBe(true);
  });

  test.each<[how: string, fault: Fault | undefined]>([
    ['without a range', { status: 200 }],
    ['as a range that is not there', { status: 416, headers: { 'content-range': 'bytes */0' } }],
  ])('may be empty, which is answered %s', async (_, fault) => {
    web.faults = () => fault;
    const file = await openRemoteFile(`${web.url}/disk.raw`, {});
    expect(file.size).toBe(0);
    await file.close();
  });

  test('must be served with its length', async () => {
    const headers = { 'content-range': 'bytes 0-0/*' };
    web.faults = () => ({ status: 206, headers, body: 'x' });
    await expect(read(`${web.url}/disk.raw`)).rejects.toThrow(/does not say how long it is/);
  });

  test('must be served by ranges', async () => {
    web.faults = () => ({ status: 200, body: DISK });
    await expect(read(`${web.url}/disk.raw?${SECRET}`)).rejects.toMatchObject({
      code: 'unsupported',
      hint: 'download it first',
    });
  });

  test('may have a password with a % that encodes nothing, which is not shown', async () => {
    const address = web.url.replace('//', '//user:100%geheim@');
    expect((await read(`${address}/disk.raw?${SECRET}`)).equals(DISK)).toBe(true);
    const pair = Buffer.from('user:100%geheim').toString('base64');
    expect(web.requests.at(-1)?.headers['authorization']).toBe(`Basic ${pair}`);
    web.faults = () => ({ status: 403 });
    await expect(read(`${address}/disk.raw`)).rejects.toThrow(
      `cannot open ${web.url}/disk.raw: HTTP 403`,
    );
  });

  test('that may not be read is named without its signature', async () => {
    web.faults = () => ({ status: 403 });
    await expect(read(`${web.url}/disk.raw?${SECRET}`)).rejects.toMatchObject({
      code: 'source',
      message: `cannot open ${web.url}/disk.raw: HTTP 403`,
    });
  });
});

describe('a disk at an address that is redirected', () => {
  let mirror: Web;
  beforeEach(async () => {
    mirror = await startWeb(files);
  });
  afterEach(() => mirror.close());

  /** Whether the right disk is read by a user. */
  async function readAs(user: string) {
    const address = `${web.url}/start?${SECRET}`.replace('//', `//${user}`);
    return (await read(address)).equals(DISK);
  }

  test.each([301, 302, 303, 307, 308])(
    'is read where %d says, without the user',
    async (status) => {
      const location = `${mirror.url}/disk.raw?${SECRET}`;
      web.faults = () => ({ status, headers: { location } });
      expect(await readAs('user:geheim12@')).toBe(true);
      expect(web.requests.map(({ headers }) => headers['authorization'])).toEqual([
        `Basic ${Buffer.from('user:geheim12').toString('base64')}`,
      ]);
      expect(mirror.requests.some(({ headers }) => 'authorization' in headers)).toBe(false);
    },
  );

  test('is read from the same server as the same user', async () => {
    const headers = { location: `/disk.raw?${SECRET}` };
    web.faults = ({ url }) => (url.pathname === '/start' ? { status: 302, headers } : undefined);
    expect(await readAs('user:geheim12@')).toBe(true);
    expect(web.requests.every((request) => 'authorization' in request.headers)).toBe(true);
    expect(web.requests.filter(({ url }) => url.pathname === '/start')).toHaveLength(1);
  });

  test('is asked for anew when the address there has expired', async () => {
    for (const n of [1, 2]) files.set(`${n}.raw`, DISK);
    web.faults = () => {
      const location = `${mirror.url}/${web.requests.length}.raw?${SECRET}`;
      return { status: 302, headers: { location } };
    };
    mirror.faults = ({ url }) =>
      mirror.requests.length > 5 && url.pathname === '/1.raw' ? { status: 403 } : undefined;
    expect(await readAs('')).toBe(true);
    expect(web.requests).toHaveLength(2);
  });

  test('shows no signature of the place', async () => {
    const headers = { location: `${mirror.url}/disk.raw?token=secret-of-the-mirror` };
    web.faults = () => ({ status: 302, headers });
    const error = await readAs('').catch((thrown: unknown) => thrown);
    expect(inspect(error)).toContain(`cannot open ${web.url}/start: HTTP 403`);
    expect(inspect(error)).not.toContain('secret-of-the-mirror');
  });

  test('is followed five times', async () => {
    web.faults = () => ({ status: 302, headers: { location: '/start' } });
    await expect(readAs('')).rejects.toThrow(`${web.url}/start is redirected more than 5 times`);
    expect(web.requests).toHaveLength(6);
  });

  test.each([
    ['https://a.test/x', 'http://a.test/y?sig=1', 'it is redirected to http://a.test/y'],
    ['http://a.test/x', 'file:///etc/passwd', 'it is redirected to file:///etc/passwd'],
    ['http://a.test/x', 'http://', 'HTTP 302 without an address'],
    ['http://a.test/x', undefined, 'HTTP 302 without an address'],
  ])('is not followed from %s to %s', (from, location, reason) => {
    const headers = location === undefined ? undefined : { location };
    const answer = { status: 302, reason: '', headers: { ...headers }, body: Buffer.alloc(0) };
    expect(() => redirectedTo('NAME', new URL(from), answer)).toThrow(
      `cannot open NAME: ${reason}`,
    );
  });
});

describe('the address of a store', () => {
  test.each([
    ['minio.local:9000', 'minio.local:9000'],
    ['127.0.0.1:9000', '127.0.0.1:9000'],
    ['ftp://user:geheim12@minio.local', 'minio.local'],
    ['https://', 'https://'],
    ['', ''],
  ])('must be one of http or https: %s', async (endpoint, shown) => {
    await expect(openRemoteFile('s3://bucket/key', { endpoint, env: {} })).rejects.toMatchObject({
      code: 'usage',
      message: `the endpoint is not an address of http or https: "${shown}"`,
      hint: 'it looks like https://HOST:PORT',
    });
  });

  test.each(['AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_EBS'])('is checked in %s', async (name) => {
    const env = { [name]: 'localhost:4566' };
    const message = `${name} is not an address of http or https: "localhost:4566"`;
    await expect(remoteSink('ebs:', { env })).rejects.toMatchObject({ code: 'usage', message });
  });
});

test('what is read here and there costs a request of its own size', async () => {
  const ranges: number[] = [];
  const file = remoteFile('file', 100 * MIB, (_, target) => {
    ranges.push(target.length);
    return Promise.resolve();
  });
  for (const place of [90, 10, 50, 30, 70]) await file.read(place * MIB, new Uint8Array(512));
  expect(ranges).toEqual([512, 512, 512, 512, 512]);
});

describe('kexport', () => {
  let s3: S3Double;
  let cwd: string;
  let env: Record<string, string>;
  beforeEach(async () => {
    s3 = await startS3();
    env = { ...AWS_ENVIRONMENT, AWS_ENDPOINT_URL: s3.url };
    cwd = temporaryFolder();
    writeFileSync(join(cwd, 'disk.img'), DISK);
  });
  afterEach(() => s3.close());

  test('converts, describes and verifies an image in S3', async () => {
    run('qemu-img', 'convert', '-c', '-O', 'qcow2', join(cwd, 'disk.img'), join(cwd, 'a.qcow2'));
    s3.put('bucket/a.qcow2', readFileSync(join(cwd, 'a.qcow2')));
    const convert = ['convert', 's3://bucket/a.qcow2', 'raw', '-o', 'b.raw', '--json'];
    const converted = await kexportMeanwhile(convert, { cwd, env });
    expect(converted.status, converted.stderr).toBe(0);
    expect(readFileSync(join(cwd, 'b.raw')).equals(DISK)).toBe(true);
    const info = await kexportMeanwhile(['info', 's3://bucket/a.qcow2', '--json'], { cwd, env });
    expect(JSON.parse(info.stdout)).toMatchObject({ format: 'qcow2', virtualSize: DISK.length });
    const verify = ['verify', 's3://bucket/a.qcow2', '--against', 'disk.img'];
    expect((await kexportMeanwhile(verify, { cwd, env })).status).toBe(0);
  });

  test('does not read an overlay as if it were the whole disk', async () => {
    run('qemu-img', 'create', '-f', 'qcow2', '-b', 'disk.img', '-F', 'raw', join(cwd, 'o.qcow2'));
    s3.put('bucket/o.qcow2', readFileSync(join(cwd, 'o.qcow2')));
    const args = ['convert', 's3://bucket/o.qcow2', 'raw', '-o', 'b.raw'];
    const { status, stderr } = await kexportMeanwhile(args, { cwd, env });
    expect(stderr).toMatch(/s3:\/\/bucket\/o.qcow2 needs another file/);
    expect(status).toBe(1);
  });

  test('reads a compressed disk from the web, and shows no signature', async () => {
    files.set('disk.raw.gz', gzipSync(DISK, { level: 1 }));
    const address = `${web.url}/disk.raw.gz?${SECRET}`;
    const { status, stdout, stderr } = await kexportMeanwhile(
      ['convert', address, 'raw', '--json', '--log-file', 'log', '-v'],
      { cwd },
    );
    expect(status, stderr).toBe(0);
    expect(readFileSync(join(cwd, 'disk.raw')).equals(DISK)).toBe(true);
    const info = await kexportMeanwhile(['info', address], { cwd });
    const shown = stdout + stderr + info.stdout + readFileSync(join(cwd, 'log'), 'utf8');
    expect(shown).toContain(`${web.url}/disk.raw.gz`);
    expect(shown).not.toMatch(/c2VjcmV0/);
  });
});
