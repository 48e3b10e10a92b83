// A store that takes connections and never answers: Ctrl-C ends what waits for it.

import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noise, withPartition } from '../support/disks.ts';
import { sharedFolder } from '../support/folder.ts';
import { startKexport } from '../support/kexport.ts';
import { until } from '../support/until.ts';
import { SAS } from './azure-double.ts';
import { AWS_ENVIRONMENT } from './check-signature.ts';
import { GOOGLE_ENVIRONMENT } from './gcs-double.ts';
import { PROXMOX_ENVIRONMENT } from './proxmox-double.ts';

const ENVIRONMENT = { ...AWS_ENVIRONMENT, ...GOOGLE_ENVIRONMENT, ...PROXMOX_ENVIRONMENT };

const folder = sharedFolder();
let server: Server;
let connections = 0;
let url: string;

beforeAll(async () => {
  writeFileSync(join(folder, 'disk.img'), withPartition(noise(2 ** 20)));
  server = createServer((socket) => {
    connections++;
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());

describe('Ctrl-C ends', () => {
  test.each<[what: string, words: () => string[]]>([
    ['verify', () => ['verify', `${url}/disk.qcow2`]],
    ['convert', () => ['convert', `${url}/disk.qcow2`, 'raw']],
    ['what is sent to S3', () => sent('raw', 's3://bucket/key')],
    ['what is sent to EBS', () => sent('raw', 'ebs:')],
    ['what is sent to Google', () => sent('raw', 'gs://bucket/key.raw')],
    ['what is sent to Azure', () => sent('vhd', `${url}/vhds/x.vhd?${SAS}`)],
    ['what is sent to a registry', () => sent('containerdisk', 'oci://127.0.0.1/vms/x:1')],
    ['what is sent to Proxmox', () => sent('qcow2', 'proxmox://pve1/local:import')],
  ])('%s', async (_, words) => {
    const before = connections;
    const { child, ended } = startKexport(words(), folder, ENVIRONMENT);
    await until(() => connections > before);
    child.kill('SIGINT');
    const { status, stderr } = await ended;
    expect(stderr).toBe('kexport: interrupted\n');
    expect(status).toBe(130);
  });
});

function sent(format: string, place: string): string[] {
  const endpoint = place.startsWith('http') ? [] : ['--endpoint', url];
  return [format, 'disk.img', '-o', place, ...endpoint];
}
