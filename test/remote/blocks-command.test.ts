import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { noise, withPartition } from '../support/disks.ts';
import { temporaryFolder } from '../support/folder.ts';
import { kexportMeanwhile, startKexport } from '../support/kexport.ts';
import { until } from '../support/until.ts';
import { SAS, startAzure } from './azure-double.ts';
import { AWS_ENVIRONMENT } from './check-signature.ts';
import { startEbs } from './ebs-double.ts';

const MIB = 2 ** 20;
const DISK = withPartition(Buffer.concat([noise(MIB), Buffer.alloc(8 * MIB), noise(MIB)]));

test('kexport stores a disk in EBS, reads it back, and says what to type next', async () => {
  const ebs = await startEbs();
  const cwd = temporaryFolder();
  writeFileSync(join(cwd, 'disk.img'), DISK);
  const env = { ...AWS_ENVIRONMENT, AWS_ENDPOINT_URL: ebs.url };
  const args = ['raw', 'disk.img', '-o', 'ebs:', '--verify'];
  const { status, stderr } = await kexportMeanwhile(args, { cwd, env });
  expect(status, stderr).toBe(0);
  expect(stderr).not.toContain('MaxListeners');
  const [id = ''] = ebs.snapshots.keys();
  expect(ebs.volume(id, DISK.length).equals(DISK)).toBe(true);
  expect(stderr).toContain(
    `aws ec2 wait snapshot-completed --region eu-test-1 --snapshot-ids ${id} &&`,
  );
  await ebs.close();
});

test('kexport writes a page blob and reads it back, and its signature is shown nowhere', async () => {
  const azure = await startAzure();
  const cwd = temporaryFolder();
  writeFileSync(join(cwd, 'disk.img'), DISK);
  const address = `${azure.url}/vhds/web1.vhd?${SAS}`;
  const args = ['vhd', 'disk.img', '-o', address, '--verify', '--json', '--log-file', 'log', '-v'];
  const { status, stdout, stderr } = await kexportMeanwhile(args, { cwd });
  expect(status, stderr).toBe(0);
  expect(azure.blobs.get('/vhds/web1.vhd')?.bytes.subarray(0, DISK.length).equals(DISK)).toBe(true);
  const refused = await kexportMeanwhile(args, { cwd });
  expect(refused.status).toBe(1);
  expect(refused.stderr).toContain('/vhds/web1.vhd exists');
  const log = readFileSync(join(cwd, 'log'), 'utf8');
  const shown = [stdout, stderr, log, refused.stdout, refused.stderr].join('');
  expect(shown).toContain(`${azure.url}/vhds/web1.vhd`);
  expect(shown).not.toMatch(/c2Vj|sig=/);
  await azure.close();
});

test('the list of processes does not show the signature of an address', async () => {
  const azure = await startAzure();
  azure.faults = () => 'hang';
  const cwd = temporaryFolder();
  writeFileSync(join(cwd, 'disk.img'), DISK);
  const address = `${azure.url}/vhds/web1.vhd?${SAS}`;
  const { child, ended } = startKexport(['vhd', 'disk.img', '-o', address], cwd);
  await until(() => azure.requests.length > 0);
  expect(readFileSync(`/proc/${String(child.pid)}/cmdline`, 'utf8')).not.toContain('sig=');
  child.kill('SIGKILL');
  await ended;
  await azure.close();
});
