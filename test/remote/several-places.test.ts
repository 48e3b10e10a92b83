import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noise, withPartition } from '../support/disks.ts';
import { temporaryFolder } from '../support/folder.ts';
import { kexportMeanwhile } from '../support/kexport.ts';
import { run } from '../support/peers.ts';
import { AWS_ENVIRONMENT, xmlError } from './check-signature.ts';
import { type S3Double, startS3 } from './s3-double.ts';

const MIB = 2 ** 20;
const DISK = withPartition(Buffer.concat([noise(MIB), Buffer.alloc(9 * MIB), noise(MIB)]));

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

describe('several places at once', () => {
  test('kexport writes the same image here and to a store', async () => {
    const args = ['vmdk', 'disk.img', '-o', 'web1.vmdk', '-o', 's3://bucket/web1.vmdk', '--verify'];
    const { status, stderr } = await kexportMeanwhile(args, { cwd, env });
    expect(status, stderr).toBe(0);
    const here = readFileSync(join(cwd, 'web1.vmdk'));
    expect(s3.objects.get('bucket/web1.vmdk')?.bytes.equals(here)).toBe(true);
  });

  test('each format goes to its place, and SHA256SUMS lists what is here', async () => {
    const args = ['qcow2,raw', 'disk.img', '-o', 'web1.qcow2', '-o', 's3://bucket/web1.raw'];
    const { status, stderr } = await kexportMeanwhile([...args, '--checksums'], { cwd, env });
    expect(status, stderr).toBe(0);
    expect(s3.objects.get('bucket/web1.raw')?.bytes.equals(DISK)).toBe(true);
    run('qemu-img', 'compare', join(cwd, 'web1.qcow2'), join(cwd, 'disk.img'));
    expect(readFileSync(join(cwd, 'SHA256SUMS'), 'utf8')).toMatch(/^[0-9a-f]{64} {2}web1.qcow2\n$/);
  });

  test('folders get every format, with --json and the address of each', async () => {
    mkdirSync(join(cwd, 'here'));
    const folders = ['-o', 'here/', '-o', 's3://bucket/there/'];
    const args = ['raw,qcow2', 'disk.img', ...folders, '--name', 'x', '--json'];
    const { status, stdout, stderr } = await kexportMeanwhile(args, { cwd, env });
    expect(status, stderr).toBe(0);
    const { images, options } = JSON.parse(stdout) as {
      images: { file: string }[];
      options: { output: string[] };
    };
    const files = ['here/x.raw', 'here/x.qcow2', 's3://bucket/there/x.raw'];
    expect(images.map(({ file }) => file)).toEqual([...files, 's3://bucket/there/x.qcow2']);
    expect(options.output).toEqual(['here/', 's3://bucket/there/']);
  });

  test('nothing is left anywhere if one place fails', async () => {
    s3.faults = ({ method }) => (method === 'PUT' ? xmlError(403, 'AccessDenied') : undefined);
    const args = ['raw', 'disk.img', '-o', 'web1.raw', '-o', 's3://bucket/web1.raw'];
    const { status, stderr } = await kexportMeanwhile(args, { cwd, env });
    expect(status, stderr).toBe(1);
    expect(readdirSync(cwd)).toEqual(['disk.img']);
    expect([s3.objects.size, s3.uploads.size]).toEqual([0, 0]);
  });
});
