import { spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { startS3 } from './remote/s3-double.ts';
import { AWS_ENVIRONMENT } from './remote/check-signature.ts';
import { bundled } from './support/built.ts';
import { noise, withPartition } from './support/disks.ts';
import { folderWith } from './support/folder.ts';
import { kexportMeanwhile } from './support/kexport.ts';
import { compareWithRaw, testWith } from './support/peers.ts';
import { TOP } from './support/project.ts';

const FLEET = join(TOP, 'examples', 'fleet');
const DISK = withPartition(noise(2 ** 20));

interface Report {
  readonly status: number;
  readonly report: {
    readonly images?: readonly { readonly path: string }[];
    readonly error?: { readonly message: string };
  } | null;
}

testWith(['ansible-playbook', 'qemu-img'], 'the playbook goes on where a host fails', () => {
  const folder = folderWith({ 'disk.img': DISK });
  const local = 'ansible_connection=local';
  const hosts = [
    `web1 ${local} disks='["${folder}/disk.img"]'`,
    `web2 ${local} disks='["${folder}/absent"]'`,
    `db1 ${local} disks='["${folder}/disk.img"]' formats=raw,vmdk`,
    'gone ansible_connection=ssh ansible_host=127.0.0.1 ansible_port=1',
  ];
  writeFileSync(join(folder, 'hosts.ini'), ['[fleet]', ...hosts, ''].join('\n'));
  copyFileSync(join(FLEET, 'export.yml'), join(folder, 'export.yml'));
  symlinkSync(bundled('kexport.cjs'), join(folder, 'kexport'));
  const values = JSON.stringify({ destination: `${folder}/`, kexport: join(folder, 'kexport') });
  const args = ['-i', 'hosts.ini', 'export.yml', '-e', values];
  const { status, stdout } = spawnSync('ansible-playbook', args, { cwd: folder, encoding: 'utf8' });
  expect(status, stdout).not.toBe(0);
  expect(stdout).toContain(`2 of 4 failed: web2: cannot open ${folder}/absent: `);
  expect(stdout).toContain('; gone: no report');
  const fleet = JSON.parse(readFileSync(join(folder, 'fleet.json'), 'utf8')) as Record<
    string,
    Report
  >;
  const told = Object.entries(fleet).map(([host, { status, report }]) => [
    host,
    status,
    report?.images?.map(({ path }) => path.slice(folder.length + 1)),
  ]);
  expect(told.sort()).toEqual([
    ['db1', 0, ['db1.raw', 'db1.vmdk']],
    ['gone', 255, undefined],
    ['web1', 0, ['web1.qcow2']],
    ['web2', 1, undefined],
  ]);
  compareWithRaw('qcow2', join(folder, 'web1.qcow2'), join(folder, 'disk.img'));
});

/** What the test needs of the manifest. */
interface Job {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly podFailurePolicy: {
      readonly rules: readonly [{ readonly onExitCodes: { readonly values: readonly number[] } }];
    };
    readonly template: {
      readonly spec: {
        readonly containers: readonly [{ readonly args: readonly string[] }];
        readonly volumes: readonly unknown[];
      };
    };
  };
}

test('the command of the Job exports a volume to a bucket', async () => {
  const s3 = await startS3();
  onTestFinished(() => s3.close());
  const text = readFileSync(join(FLEET, 'job.yaml'), 'utf8').replaceAll('$VOLUME', 'web1');
  const { metadata, spec } = parse(text) as Job;
  expect(metadata.name).toBe('kexport-web1');
  const [{ args }] = spec.template.spec.containers;
  expect(args).toContain('/dev/volume');
  const cwd = folderWith({ 'disk.img': DISK });
  const env = { ...AWS_ENVIRONMENT, AWS_ENDPOINT_URL: s3.url };
  const words = args.map((word) =>
    word.replace('/dev/volume', 'disk.img').replace('golden-images', 'bucket'),
  );
  const { status, stdout, stderr } = await kexportMeanwhile(words, { cwd, env });
  expect(status, stderr).toBe(0);
  const { images } = JSON.parse(stdout) as { images: readonly { path: string }[] };
  expect(images.map(({ path }) => path)).toEqual(['s3://bucket/web1.qcow2']);
  const [{ onExitCodes }] = spec.podFailurePolicy.rules;
  const wrong = await kexportMeanwhile([...words, '--wrong'], { cwd, env });
  expect(onExitCodes.values).toContain(wrong.status);
});
