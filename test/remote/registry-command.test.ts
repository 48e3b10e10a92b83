import { spawn } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { noise, withPartition } from '../support/disks.ts';
import { temporaryFolder } from '../support/folder.ts';
import { kexportMeanwhile, startKexport } from '../support/kexport.ts';
import { compareWithRaw, run, testWith } from '../support/peers.ts';
import { until } from '../support/until.ts';
import { type RegistryDouble, startRegistry } from './registry-double.ts';

const MIB = 2 ** 20;
const DISK = withPartition(Buffer.concat([noise(18 * MIB), Buffer.alloc(9 * MIB)]));

function folderWithDisk(): string {
  const cwd = temporaryFolder();
  writeFileSync(join(cwd, 'disk.img'), DISK);
  return cwd;
}

const ENVIRONMENT = { HOME: '/nowhere', XDG_RUNTIME_DIR: '/nowhere' };

/** Starts the registry of Debian until the end of the test, and returns its address. */
async function startPeer(folder: string): Promise<string> {
  const config = {
    version: '0.1',
    storage: { filesystem: { rootdirectory: join(folder, 'registry') } },
    http: { addr: '127.0.0.1:0' },
  };
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config)); // JSON is YAML too
  const server = spawn('docker-registry', ['serve', join(folder, 'config.json')]);
  onTestFinished(() => void server.kill());
  let log = '';
  server.stderr.on('data', (piece: Buffer) => (log += piece.toString()));
  await until(() => log.includes('listening on') || server.exitCode !== null);
  return /listening on ([\d.:]+)/.exec(log)?.[1] ?? log;
}

testWith(
  ['docker-registry', 'skopeo', 'qemu-img', 'tar'],
  'the registry of Debian has an image that skopeo reads, with the disk in its layer',
  async () => {
    const cwd = folderWithDisk();
    const host = await startPeer(cwd);
    const name = `${host}/vms/web1:1.0`;
    const args = ['containerdisk', 'disk.img', '-o', `oci://${name}`, '--verify', '--json'];
    const { status, stdout, stderr } = await kexportMeanwhile(args, { cwd, env: ENVIRONMENT });
    expect(status, stderr).toBe(0);
    const { images } = JSON.parse(stdout) as {
      images: { ids: { digest: string; layer: string } }[];
    };
    const [{ ids } = { ids: { digest: '', layer: '' } }] = images;
    const inspected = run('skopeo', 'inspect', '--tls-verify=false', `docker://${name}`);
    expect(JSON.parse(inspected)).toMatchObject({ Digest: ids.digest, Layers: [ids.layer] });
    const copy = ['--insecure-policy', 'copy', '-q', '--src-tls-verify=false'];
    run('skopeo', ...copy, `docker://${name}`, `dir:${join(cwd, 'copy')}`);
    run('tar', '-C', cwd, '-xf', join(cwd, 'copy', ids.layer.slice('sha256:'.length)));
    const [disk = 'no disk'] = readdirSync(join(cwd, 'disk'));
    compareWithRaw('qcow2', join(cwd, 'disk', disk), join(cwd, 'disk.img'));
    const again = await kexportMeanwhile(args, { cwd, env: ENVIRONMENT });
    expect(again.status).toBe(1);
    expect(again.stderr).toContain(`oci://${name} exists`);
  },
);

describe('kexport to a registry', () => {
  let registry: RegistryDouble;
  let name: string;
  beforeAll(async () => {
    registry = await startRegistry();
    name = `oci://${new URL(registry.url).host}/vms/web1:1`;
  });
  afterAll(() => registry.close());

  test('leaves nothing after Ctrl-C within the upload', async () => {
    const cwd = folderWithDisk();
    registry.latency = 50;
    const { child, ended } = startKexport(
      ['containerdisk', 'disk.img', '-o', name],
      cwd,
      ENVIRONMENT,
    );
    await until(() => registry.requests.some(({ method }) => method === 'PATCH'));
    child.kill('SIGINT');
    expect((await ended).status).toBe(130);
    expect(registry.uploads.size + registry.blobs.size + registry.tags.size).toBe(0);
  });

  test('says what to type next', async () => {
    const cwd = folderWithDisk();
    const args = ['containerdisk', 'disk.img', '-o', name];
    const { status, stderr } = await kexportMeanwhile(args, { cwd, env: ENVIRONMENT });
    expect(status, stderr).toBe(0);
    expect(stderr).toContain(
      `virtctl create vm --name web1 --volume-containerdisk src:${name.slice('oci://'.length)} | kubectl create -f -`,
    );
  });
});
