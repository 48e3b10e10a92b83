import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { throwIfAborted, type Warning } from '../../src/errors.ts';
import { proxmoxSink } from '../../src/remote/proxmox/proxmox-sink.ts';
import type { SendOptions } from '../../src/remote/store-options.ts';
import { noise } from '../support/disks.ts';
import { temporaryFolder } from '../support/folder.ts';
import { oneByOne, type Received } from './double.ts';
import {
  API_TOKEN,
  PROXMOX_ENVIRONMENT,
  type ProxmoxDouble,
  SECRET,
  startProxmox,
} from './proxmox-double.ts';

const MIB = 2 ** 20;
const NAME = 'proxmox://pve1/local:import/web1.qcow2';
const VOLUME = 'local:import/web1.qcow2';
const IMAGE = noise(3 * MIB + 17);

let proxmox: ProxmoxDouble;
beforeEach(async () => {
  proxmox = await startProxmox();
});
afterEach(() => proxmox.close());

/** Uploads an image, as an export does. Returns what is reported. */
async function send(options: SendOptions = {}, signal?: AbortSignal, name = NAME) {
  const how = { endpoint: proxmox.url, env: PROXMOX_ENVIRONMENT, firstWait: 1, patience: 500 };
  await using sink = await proxmoxSink(name, { ...how, ...options });
  await sink.write(0, [IMAGE.subarray(0, MIB), new Uint8Array(IMAGE.length - MIB)], signal);
  await sink.write(MIB, [IMAGE.subarray(MIB)], signal); // a format that goes back
  await sink.finish(IMAGE.length, signal);
  throwIfAborted(signal);
  await sink.commit();
  return { name: sink.name, ids: sink.ids };
}

function isUpload({ url }: Received): boolean {
  return url.pathname.endsWith('/upload');
}

describe('an image in Proxmox VE', () => {
  test('is uploaded with its checksum, and imported by a task', async () => {
    proxmox.state.taskLength = 2;
    const { name, ids } = await send();
    expect(proxmox.volumes.get(VOLUME)?.equals(IMAGE)).toBe(true);
    expect(name).toBe(NAME);
    expect(ids).toMatchObject({ volid: VOLUME, node: 'pve1' });
    expect(ids?.['upid']).toMatch(/^UPID:pve1:/);
  });

  test('is called after its disk if it is not named', async () => {
    const options = { description: '/srv/web 1.img', formatName: 'raw' };
    const { name } = await send(options, undefined, 'proxmox://pve1:8007/local:import');
    expect(name).toBe('proxmox://pve1:8007/local:import/web-1.raw');
    expect([...proxmox.volumes.keys()]).toEqual(['local:import/web-1.raw']);
  });

  test('goes to the node that is named, or addressed', async () => {
    proxmox.state.nodes = ['pve1', 'pve2'];
    await send({}, undefined, 'proxmox://pve2.example.org/local:import/a.qcow2');
    await send({}, undefined, 'proxmox://10.0.0.9/local:import/b.qcow2?node=pve2');
    const uploads = proxmox.requests.filter(isUpload).map(({ url }) => url.pathname);
    expect(uploads).toEqual(Array(2).fill('/api2/json/nodes/pve2/storage/local/upload'));
    const other = send({}, undefined, 'proxmox://10.0.0.9/local:import/b.qcow2');
    await expect(other).rejects.toMatchObject({
      message: '10.0.0.9 is one of several nodes: pve1, pve2',
      hint: 'name the node: proxmox://10.0.0.9/local:import/b.qcow2?node=pve1',
    });
  });

  test.each([
    ['a reset', 'reset' as const],
    ['a lost answer', 'lost' as const],
    ['a busy server', { status: 503 }],
    ['too many requests', { status: 429 }],
    ['a cluster that is busy', { status: 500, reason: 'got timeout' }],
    ['a hang', 'hang' as const],
  ])('arrives after %s', async (_, fault) => {
    const faults = oneByOne(fault);
    proxmox.faults = (request) => (isUpload(request) ? faults(request) : undefined);
    // A busy machine is silent for a while where nothing is wrong.
    await send({ timeouts: { idle: 2000 }, patience: 20_000 });
    expect(proxmox.volumes.get(VOLUME)?.equals(IMAGE)).toBe(true);
    expect(proxmox.requests.filter(isUpload)).toHaveLength(2);
  });

  test('is not replaced without force', async () => {
    proxmox.volumes.set(VOLUME, Buffer.from('old'));
    await expect(send()).rejects.toMatchObject({ code: 'exists', message: `${NAME} exists` });
    expect(proxmox.volumes.get(VOLUME)?.toString()).toBe('old');
    await send({ force: true });
    expect(proxmox.volumes.get(VOLUME)?.equals(IMAGE)).toBe(true);
  });
});

describe('a failed upload to Proxmox VE', () => {
  test.each(Array.from({ length: 8 }, (_, index) => index))(
    'leaves nothing if it is aborted at request %i',
    async (at) => {
      const stop = new AbortController();
      let count = 0;
      proxmox.faults = () => {
        if (count++ === at) stop.abort();
        return undefined;
      };
      const outcome = await send({}, stop.signal).catch((error: unknown) => error);
      if (outcome instanceof Error) expect(proxmox.volumes.size).toBe(0);
    },
  );

  test('says why Proxmox does not import it, and keeps what was there', async () => {
    proxmox.state.taskFault = "checksum mismatch: got 'a' != expect 'b'";
    proxmox.volumes.set(VOLUME, Buffer.from('old'));
    await expect(send({ force: true })).rejects.toThrow(
      `Proxmox VE does not import ${NAME}: checksum mismatch: got 'a' != expect 'b'`,
    );
    expect(proxmox.volumes.get(VOLUME)?.toString()).toBe('old');
  });

  test.each([
    [NAME, 'pve1'],
    ['proxmox://[2001:db8::1]:8007/local:import/web1.qcow2', '2001:db8::1'],
  ])(
    'that cannot be cleaned up is named, with the command that does it: %s',
    async (name, host) => {
      const warnings: Warning[] = [];
      proxmox.faults = ({ method }) =>
        method === 'DELETE' ? { status: 403, reason: 'Permission check failed' } : undefined;
      const how = { endpoint: proxmox.url, env: PROXMOX_ENVIRONMENT };
      const onWarning = (warning: Warning) => void warnings.push(warning);
      const sink = await proxmoxSink(name, { ...how, onWarning });
      await sink.write(0, [IMAGE]);
      await sink.finish(IMAGE.length);
      await sink.discard(); // another image has failed
      expect(warnings[0]?.message).toContain(
        `403, Permission check failed; ssh root@${host} pvesm free`,
      );
    },
  );

  test.each([
    ['proxmox://pve1/tank:import', {}, /the storage tank of pve1 does not take images to import/],
    ['proxmox://pve1/other:import', {}, /HTTP 500, storage 'other' does not exist$/],
    ['proxmox://pve1/local:iso', {}, /does not name a storage of Proxmox VE/],
    ['proxmox://pve1/local:import', { formatName: 'vhd' }, /imports qcow2, raw, vmdk and ova/],
    ['proxmox://pve1/local:import/a+b.raw', { formatName: 'raw' }, /is not a name for a raw/],
    ['proxmox://pve1/local:import/a.img', { formatName: 'raw' }, /is not a name for a raw/],
  ])('says what makes no sense: %s %j', async (name, options, message) => {
    await expect(send(options, undefined, name)).rejects.toThrow(message);
    expect(proxmox.requests.some(isUpload)).toBe(false);
  });
});

describe('a token of Proxmox VE', () => {
  test('can be in a file', async () => {
    const file = join(temporaryFolder(), 'token');
    writeFileSync(file, `${API_TOKEN}\n`);
    await send({ env: { PVE_API_TOKEN_FILE: file } });
    expect(proxmox.volumes.size).toBe(1);
  });

  test('is never shown, right or wrong', async () => {
    await expect(send({ env: {} })).rejects.toThrow('no token for Proxmox VE was found');
    await expect(send({ env: { PVE_API_TOKEN: SECRET } })).rejects.not.toThrow(SECRET);
    const wrong = API_TOKEN.replace('000001', '000002');
    const error = await send({ env: { PVE_API_TOKEN: wrong } }).catch(String);
    expect(error).toMatch(/HTTP 401, invalid token value! PVEAPIToken=robot@pve!kexport=\*\*\*$/);
  });
});

test('a certificate is trusted by its fingerprint alone, and before anything is sent', async () => {
  const folder = temporaryFolder();
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
  const files = ['-nodes', '-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=pve1'];
  execFileSync('openssl', [...request, ...files], { stdio: 'ignore' });
  const print = ['x509', '-in', cert, '-noout', '-fingerprint', '-sha256'];
  const [, fingerprint = ''] = execFileSync('openssl', print, { encoding: 'utf8' })
    .trim()
    .split('=');
  let asked = 0;
  const tls = createServer(
    { key: readFileSync(key), cert: readFileSync(cert) },
    (received, reply) => {
      asked++;
      const url = new URL(received.url ?? '', proxmox.url);
      void fetch(url, { headers: { authorization: received.headers.authorization ?? '' } })
        .then((answer) => answer.text())
        .then((text) => reply.end(text));
    },
  );
  await new Promise<void>((resolve) => tls.listen(0, '127.0.0.1', resolve));
  const endpoint = `https://127.0.0.1:${(tls.address() as AddressInfo).port}`;
  const open = async (PVE_FINGERPRINT?: string) => {
    const env = { ...PROXMOX_ENVIRONMENT, PVE_FINGERPRINT };
    const sink = await proxmoxSink(NAME, { endpoint, env });
    await sink.discard();
  };
  try {
    await expect(open()).rejects.toMatchObject({
      message: expect.stringContaining('self-signed certificate') as string,
      hint: expect.stringContaining('set PVE_FINGERPRINT') as string,
    });
    await expect(open(fingerprint.replace(/^../, '00'))).rejects.toThrow(
      `the certificate has the fingerprint ${fingerprint}, not 00`,
    );
    expect(asked).toBe(0);
    await open(fingerprint.toLowerCase());
    expect(asked).toBeGreaterThan(0);
  } finally {
    tls.closeAllConnections();
    tls.close();
  }
});
