import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { noise, withPartition } from '../support/disks.ts';
import { temporaryFolder } from '../support/folder.ts';
import { schemaErrors } from '../support/json-schema.ts';
import { kexportMeanwhile, startKexport } from '../support/kexport.ts';
import { runIn } from '../support/peers.ts';
import { until } from '../support/until.ts';
import { type GcsDouble, GOOGLE_ENVIRONMENT, startGcs } from './gcs-double.ts';

const MIB = 2 ** 20;
const DISK = withPartition(Buffer.concat([noise(2 * MIB), Buffer.alloc(5 * MIB), noise(MIB)]));

let gcs: GcsDouble;
let cwd: string;
beforeEach(async () => {
  gcs = await startGcs();
  cwd = temporaryFolder();
  writeFileSync(join(cwd, 'disk.img'), DISK);
});
afterEach(() => gcs.close());

test('kexport sends an image for Compute Engine, reads it back, and says what to type', async () => {
  const place = ['-o', 'gs://bucket/web1.tar.gz', '--endpoint', gcs.url];
  const args = ['gce', 'disk.img', ...place, '--verify', '--log-file', 'log', '-v'];
  const { status, stdout, stderr } = await kexportMeanwhile(args, { cwd, env: GOOGLE_ENVIRONMENT });
  expect(status, stderr).toBe(0);
  writeFileSync(join(cwd, 'web1.tar.gz'), gcs.objects.get('web1.tar.gz')?.bytes ?? '');
  const line = 'tar -xzOf web1.tar.gz disk.raw | head -c "$1" | cmp - disk.img';
  runIn(cwd, 'bash', '-c', line, 'bash', String(DISK.length));
  expect(stderr).toContain(
    'gcloud compute images create web1 --source-uri gs://bucket/web1.tar.gz --guest-os-features UEFI_COMPATIBLE',
  );
  const shown = stdout + stderr + readFileSync(join(cwd, 'log'), 'utf8');
  expect(shown).not.toMatch(/ya29|ABg5/);
});

test('kexport converts an image from a bucket to a bucket', async () => {
  gcs.put('disk.raw', DISK);
  const args = ['convert', 'gs://bucket/disk.raw', 'qcow2', '-o', 'gs://bucket/disk.qcow2'];
  const options = { cwd, env: GOOGLE_ENVIRONMENT };
  const made = await kexportMeanwhile([...args, '--endpoint', gcs.url, '--json'], options);
  expect(made.status, made.stderr).toBe(0);
  const report = JSON.parse(made.stdout) as { images: { ids: { generation: string } }[] };
  expect(schemaErrors('export', report)).toBeUndefined();
  const object = gcs.objects.get('disk.qcow2');
  expect(report.images[0]?.ids.generation).toBe(String(object?.generation));
  writeFileSync(join(cwd, 'disk.qcow2'), object?.bytes ?? '');
  runIn(cwd, 'qemu-img', 'compare', '-f', 'qcow2', '-F', 'raw', 'disk.qcow2', 'disk.img');
});

test('Ctrl-C leaves no upload behind', async () => {
  const args = ['raw', '-', '-o', 'gs://bucket/web1.raw', '--endpoint', gcs.url];
  const { child, ended } = startKexport(args, cwd, GOOGLE_ENVIRONMENT);
  child.stdin.write(DISK); // and no end
  await until(() => gcs.sessions.size > 0);
  child.kill('SIGINT');
  expect((await ended).status).toBe(130);
  expect(gcs.sessions.size).toBe(0);
  expect(gcs.objects.size).toBe(0);
});
