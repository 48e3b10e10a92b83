import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { noise, withPartition } from '../support/disks.ts';
import { temporaryFolder } from '../support/folder.ts';
import { kexportMeanwhile, startKexport } from '../support/kexport.ts';
import { runIn } from '../support/peers.ts';
import { until } from '../support/until.ts';
import { PROXMOX_ENVIRONMENT, type ProxmoxDouble, SECRET, startProxmox } from './proxmox-double.ts';

const MIB = 2 ** 20;
const DISK = withPartition(Buffer.concat([noise(MIB), Buffer.alloc(5 * MIB), noise(MIB)]));
const env = PROXMOX_ENVIRONMENT;

let proxmox: ProxmoxDouble;
let cwd: string;
beforeEach(async () => {
  proxmox = await startProxmox();
  cwd = temporaryFolder();
  writeFileSync(join(cwd, 'disk.img'), DISK);
});
afterEach(() => proxmox.close());

test('kexport uploads images to Proxmox VE, verifies them, and says what to type', async () => {
  const place = ['-o', 'proxmox://pve1/local:import/', '--name', 'web1', '--endpoint', proxmox.url];
  const args = ['qcow2,raw', 'disk.img', ...place, '--verify', '--log-file', 'log', '-v'];
  const { status, stdout, stderr } = await kexportMeanwhile(args, { cwd, env });
  expect(status, stderr).toBe(0);
  expect(proxmox.volumes.get('local:import/web1.raw')?.equals(DISK)).toBe(true);
  writeFileSync(join(cwd, 'x.qcow2'), proxmox.volumes.get('local:import/web1.qcow2') ?? '');
  runIn(cwd, 'qemu-img', 'compare', '-f', 'qcow2', '-F', 'raw', 'x.qcow2', 'disk.img');
  expect(stderr).toContain('qm create VMID --name web1');
  expect(stderr).toContain('--scsi0 STORAGE:0,import-from=local:import/web1.qcow2');
  expect(stdout + stderr + readFileSync(join(cwd, 'log'), 'utf8')).not.toContain(SECRET);
});

test('kexport reports the volume, and leaves none after Ctrl-C', async () => {
  const place = ['-o', 'proxmox://pve1/local:import?node=pve1', '--endpoint', proxmox.url];
  const args = ['ova', 'disk.img', ...place, '--json'];
  const made = await kexportMeanwhile(args, { cwd, env });
  expect(made.status, made.stderr).toBe(0);
  const { images } = JSON.parse(made.stdout) as { images: { ids: { volid: string } }[] };
  expect(images[0]?.ids.volid).toBe('local:import/disk.ova');
  proxmox.volumes.clear();
  proxmox.state.taskLength = 2;
  const { child, ended } = startKexport(args, cwd, env);
  const before = proxmox.requests.length;
  await until(() =>
    proxmox.requests.slice(before).some(({ url }) => url.pathname.includes('tasks')),
  );
  child.kill('SIGINT');
  expect((await ended).status).toBe(130);
  expect(proxmox.volumes.size).toBe(0);
});
