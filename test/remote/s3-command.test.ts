import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noise, withPartition } from '../support/disks.ts';
import { temporaryFolder } from '../support/folder.ts';
import { kexportMeanwhile, startKexport } from '../support/kexport.ts';
import { run } from '../support/peers.ts';
import { until } from '../support/until.ts';
import { AWS_ENVIRONMENT, SECRET_KEY } from './check-signature.ts';
import type { Received } from './double.ts';
import { type S3Double, startS3 } from './s3-double.ts';

const MIB = 2 ** 20;
const DISK = withPartition(Buffer.concat([noise(3 * MIB), Buffer.alloc(9 * MIB), noise(MIB)]));

let s3: S3Double;
let cwd: string;
let env: Record<string, string>;
beforeEach(async () => {
  s3 = await startS3();
  cwd = temporaryFolder();
  env = { ...AWS_ENVIRONMENT, AWS_ENDPOINT_URL: s3.url };
  writeFileSync(join(cwd, 'disk.img'), DISK);
});
afterEach(() => s3.close());

test('kexport sends several images to a folder of a bucket and reads them back', async () => {
  const args = ['raw,vmdk,qcow2', 'disk.img', '-o', 's3://bucket/images/', '--name', 'web1'];
  const { status, stdout, stderr } = await kexportMeanwhile([...args, '--verify', '--json'], {
    cwd,
    env,
  });
  expect(status, stderr).toBe(0);
  expect([...s3.objects.keys()].sort()).toEqual(
    ['qcow2', 'raw', 'vmdk'].map((extension) => `bucket/images/web1.${extension}`),
  );
  expect(s3.objects.get('bucket/images/web1.raw')?.bytes.equals(DISK)).toBe(true);
  for (const extension of ['qcow2', 'vmdk']) {
    const file = join(cwd, `web1.${extension}`);
    writeFileSync(file, s3.objects.get(`bucket/images/web1.${extension}`)?.bytes ?? '');
    run('qemu-img', 'compare', '-f', extension, '-F', 'raw', file, join(cwd, 'disk.img'));
  }
  const { images } = JSON.parse(stdout) as {
    images: { file: string; path: string; sha256: string; ids: { etag: string } }[];
  };
  for (const { file, path, sha256, ids } of images) {
    expect(path).toBe(file);
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(ids.etag).toBe(s3.objects.get(file.replace('s3://', ''))?.etag);
  }
  expect(stdout + stderr).not.toContain(SECRET_KEY);
});

test('kexport says what to type next, and what was sent', async () => {
  const args = ['vmdk', 'disk.img', '-o', 's3://bucket/web1.vmdk'];
  const { status, stderr } = await kexportMeanwhile(args, { cwd, env });
  expect(status).toBe(0);
  expect(stderr).toContain(
    `aws ec2 import-snapshot --disk-container '{"Format":"VMDK","UserBucket":{"S3Bucket":"bucket","S3Key":"web1.vmdk"}}'`,
  );
});

test('what was stored otherwise is not the disk, and is removed', async () => {
  s3.faults = ({ method, headers }) => {
    const object = s3.objects.get('bucket/web1.raw');
    if (object && method === 'GET' && headers['range']) object.bytes[5 * MIB] = 1;
    return undefined;
  };
  const args = ['raw', 'disk.img', '-o', 's3://bucket/web1.raw', '--verify'];
  const { status, stderr } = await kexportMeanwhile(args, { cwd, env });
  expect(stderr).toMatch(/s3:\/\/bucket\/web1.raw is not what was written: .* another disk/);
  expect(status).toBe(1);
  expect(s3.objects.size).toBe(0);
});

describe('Ctrl-C', () => {
  test('leaves no upload behind', async () => {
    const { child, ended } = startKexport(['raw', '-', '-o', 's3://bucket/web1.raw'], cwd, env);
    child.stdin.write(DISK); // and no end
    await until(() => s3.uploads.size > 0);
    child.kill('SIGINT');
    expect((await ended).status).toBe(130);
    expect(s3.uploads.size).toBe(0);
    expect(s3.objects.size).toBe(0);
  });

  test('a second time names the upload that is left, and the command that removes it', async () => {
    s3.faults = ({ method }) => (method === 'DELETE' ? 'hang' : undefined);
    const { child, ended } = startKexport(['raw', '-', '-o', 's3://bucket/web1.raw'], cwd, env);
    child.stdin.write(DISK);
    await until(() => s3.uploads.size > 0);
    child.kill('SIGINT');
    await until(() => s3.requests.some(({ method }) => method === 'DELETE'));
    child.kill('SIGINT');
    const { status, stderr } = await ended;
    expect(status).toBe(130);
    expect(stderr).toContain('the parts of an upload to s3://bucket/web1.raw');
    expect(stderr).toContain('aws s3api abort-multipart-upload');
  });

  test('a second time names the object that is left, once it is complete', async () => {
    const isReadBack = ({ method }: Received) => method === 'GET';
    const isRemoval = ({ method }: Received) => method === 'DELETE';
    s3.faults = (request) => (isReadBack(request) || isRemoval(request) ? 'hang' : undefined);
    const args = ['raw', 'disk.img', '-o', 's3://bucket/web1.raw', '--verify'];
    const { child, ended } = startKexport(args, cwd, env);
    await until(() => s3.requests.some(isReadBack));
    child.kill('SIGINT');
    await until(() => s3.requests.some(isRemoval));
    child.kill('SIGINT');
    const { status, stderr } = await ended;
    expect(status).toBe(130);
    expect(stderr).toContain('aws s3 rm s3://bucket/web1.raw');
    expect(stderr).not.toContain('abort-multipart-upload');
  });
});

test('the disk is read as it is if --dry-run is given, and nothing is sent', async () => {
  const args = ['raw', 'disk.img', '-o', 's3://bucket/web1.raw', '--dry-run'];
  const { status, stderr } = await kexportMeanwhile(args, { cwd, env });
  expect(status).toBe(0);
  expect(stderr).toContain('s3://bucket/web1.raw');
  expect(s3.requests).toEqual([]);
  expect(readFileSync(join(cwd, 'disk.img')).equals(DISK)).toBe(true);
});
