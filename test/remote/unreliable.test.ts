// Stores where requests fail and take long: what arrives is the disk, in bounded memory.
// KEXPORT_STORE_MIB=1024 makes a disk of that size.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { noise, withPartition } from '../support/disks.ts';
import { folderWith } from '../support/folder.ts';
import { startKexport } from '../support/kexport.ts';
import { SAS, startAzure } from './azure-double.ts';
import { AWS_ENVIRONMENT } from './check-signature.ts';
import { type Double, everyNth, type Fault } from './double.ts';
import { startEbs } from './ebs-double.ts';
import { GOOGLE_ENVIRONMENT, startGcs } from './gcs-double.ts';
import { PROXMOX_ENVIRONMENT, startProxmox } from './proxmox-double.ts';
import { startS3 } from './s3-double.ts';

const MIB = 2 ** 20;
const GIVEN = process.env['KEXPORT_STORE_MIB'];
const SIZE = Number(GIVEN ?? 72) * MIB;
const PIECE = noise(8 * MIB);
const DISK = withPartition(Buffer.concat(Array(SIZE / PIECE.length).fill(PIECE) as Buffer[]));
/** With two threads, README; and the parts that are under way, docs/stores.md. */
const MAX_MEMORY = (256 + 2 * 16 + 128) * MIB;

const AT_ONCE = { 'retry-after': '0' };
const FAULTS: readonly Fault[] = [
  { status: 500 },
  'reset',
  { status: 503, headers: AT_ONCE },
  'lost',
  { status: 429, headers: AT_ONCE },
  'half',
];

interface Store extends Double {
  readonly address: string;
  readonly env?: Record<string, string>;
  readonly format: string;
  /** What it has stored of the disk. */
  stored(): Buffer | undefined;
}

async function s3(): Promise<Store> {
  const double = await startS3();
  const stored = () => double.objects.get('bucket/x.raw')?.bytes;
  return Object.assign(double, { address: 's3://bucket/x.raw', format: 'raw', stored });
}

async function ebs(): Promise<Store> {
  const double = await startEbs();
  const stored = () => double.volume([...double.snapshots.keys()][0] ?? '', DISK.length);
  return Object.assign(double, { address: 'ebs:', format: 'raw', stored });
}

async function azure(): Promise<Store> {
  const double = await startAzure(2 * DISK.length);
  const stored = () => double.blobs.get('/vhds/x.vhd')?.bytes.subarray(0, DISK.length);
  const address = `${double.url}/vhds/x.vhd?${SAS}`;
  return Object.assign(double, { address, format: 'vhd', stored });
}

async function gcs(): Promise<Store> {
  const double = await startGcs();
  double.state.keptUnits = 50;
  const stored = () => double.objects.get('x.raw')?.bytes;
  const place = { address: 'gs://bucket/x.raw', format: 'raw', env: GOOGLE_ENVIRONMENT };
  return Object.assign(double, { ...place, stored });
}

async function proxmox(): Promise<Store> {
  const double = await startProxmox();
  const stored = () => double.volumes.get('local:import/x.raw');
  const address = 'proxmox://pve1/local:import/x.raw';
  return Object.assign(double, { address, format: 'raw', env: PROXMOX_ENVIRONMENT, stored });
}

test.each([
  ['S3', s3],
  ['EBS', ebs],
  ['Azure', azure],
  ['Google Cloud Storage', gcs],
  ['Proxmox VE', proxmox],
])('%s gets the whole disk although requests fail and answers are slow', async (_, start) => {
  const store = await start();
  onTestFinished(() => store.close());
  store.latency = 100;
  store.faults = everyNth(GIVEN === undefined ? 7 : 50, ...FAULTS);
  const cwd = folderWith({ 'disk.img': '' });
  writeFileSync(join(cwd, 'disk.img'), DISK);
  const place = ['-o', store.address, '--endpoint', store.url];
  const args = [store.format, 'disk.img', ...place, '--threads', '2'];
  const { child, ended } = startKexport(args, cwd, store.env ?? AWS_ENVIRONMENT);
  let peak = 0;
  const timer = setInterval(() => {
    peak = Math.max(peak, peakOf(child.pid));
  }, 50);
  const { status, stderr } = await ended;
  clearInterval(timer);
  expect(status, stderr).toBe(0);
  expect(store.stored()?.equals(DISK)).toBe(true);
  expect(peak).toBeGreaterThan(0);
  expect(peak).toBeLessThan(MAX_MEMORY);
});

/** The most memory of a process, in bytes; 0 once it has ended. */
function peakOf(pid: number | undefined): number {
  try {
    const status = readFileSync(`/proc/${String(pid)}/status`, 'utf8');
    return Number(/VmHWM:\s*(\d+)/.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
