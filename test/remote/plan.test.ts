import { expect, test } from 'vitest';
import type { FormatName } from '../../formats/index.ts';
import { planOutputs } from '../../src/cli/export/plan-outputs.ts';
import type { Options } from '../../src/cli/options/options.ts';

function plan(options: Options, formats: readonly FormatName[] = ['raw']) {
  const list = formats.join(',');
  const request = { list, formats, sources: ['disk.img'], outputDir: undefined };
  return planOutputs(request, 1, options).outputs.map(({ path, address }) => ({ path, address }));
}

test.each([
  [{ output: ['s3://b/x.raw'] }, 's3://b/x.raw', 's3://b/x.raw'],
  [{ output: ['s3://b/f/'], name: 'x' }, 's3://b/f/x.raw', 's3://b/f/x.raw'],
  [{ outputDir: 's3://b/f', name: 'x' }, 's3://b/f/x.raw', 's3://b/f/x.raw'],
  [
    { output: ['https://h/x?sig=secret-signature'] },
    'https://h/x',
    'https://h/x?sig=secret-signature',
  ],
  [{ output: ['./s3:'] }, './s3:', undefined],
] as const)('%j is written to %s', (options, path, address) => {
  expect(plan(options)).toEqual([{ path, address }]);
});

test.each([
  [{ output: ['s3://b/x'], checksums: true }, /--checksums writes a file beside/],
  [{ output: ['s3://b/f/'], name: 'x', bmap: true }, /--bmap writes a file beside/],
  [{ output: ['s3://b/x.vmdk'] }, /the name of a vmdk, not of a raw/],
  [
    { output: ['https://h/x.vmdk?sig=secret-signature'] },
    /^https:\/\/h\/x.vmdk is the name of a vmdk/,
  ],
] as const)('%j makes no sense', (options, message) => {
  expect(() => plan(options)).toThrow(message);
});

test.each<[readonly FormatName[], Options, readonly string[]]>([
  [['raw'], { output: ['x.raw', 'ebs:'] }, ['x.raw', 'ebs:']],
  [['qcow2', 'raw'], { output: ['x.qcow2', 'ebs:'] }, ['x.qcow2', 'ebs:']],
  [
    ['qcow2', 'raw'],
    { output: ['a/', 's3://b/'], name: 'x' },
    ['a/x.qcow2', 'a/x.raw', 's3://b/x.qcow2', 's3://b/x.raw'],
  ],
  [['raw'], { output: ['a/', 'ebs:'], name: 'x' }, ['ebs:', 'a/x.raw']],
  [
    ['raw', 'vhd'],
    { outputDir: 'a', output: ['s3://b/'], name: 'x' },
    ['a/x.raw', 'a/x.vhd', 's3://b/x.raw', 's3://b/x.vhd'],
  ],
])('%j with %j: %j', (formats, options, paths) => {
  expect(plan(options, formats).map(({ path }) => path)).toEqual(paths);
});

test.each<[readonly FormatName[], Options, RegExp]>([
  [['raw'], { output: ['x.raw', 'x.raw'] }, /^-o x.raw is given twice$/],
  [['raw'], { output: ['-', '/dev/stdout'] }, /^-o - is given twice$/],
  [['raw', 'vhd', 'vmdk'], { output: ['x.raw', 'x.vhd'] }, /^2 files are named, and 3 formats/],
  [['vhd', 'raw'], { output: ['x.raw', 'x.vhd'] }, /x.vhd is the name of a vhd, not of a raw/],
  [['raw'], { output: ['x.raw', 'ebs:'], name: 'x' }, /--output-dir and --name exclude it/],
  [['raw'], { output: ['a/x.raw', 'b/x.raw'], checksums: true }, /not one in each of a and b$/],
  [['raw'], { output: ['x.raw', 'y.raw'], bmap: true }, /one map of a disk, not x.bmap and y.bmap/],
])('%j with %j is refused', (formats, options, message) => {
  expect(() => plan(options, formats)).toThrow(message);
});

test('SHA256SUMS and the block map lie beside what is on this machine', () => {
  const request = { list: 'raw', formats: ['raw'] as const, sources: ['d'], outputDir: undefined };
  const options = { output: ['s3://b/x.raw', 'a/x.raw'], bmap: true, checksums: true };
  const { bmaps, checksums } = planOutputs(request, 1, options);
  expect({ bmaps, checksums }).toEqual({ bmaps: ['a/x.bmap'], checksums: 'a/SHA256SUMS' });
});

test.each([
  [['proxmox://pve1/local:import'], '/srv/web1.example.com.img', 'web1.example.com'],
  [['ebs:'], 'tank/vm@gold', 'vm-gold'],
  [['proxmox://pve1/local:import/web2.ova'], '/srv/web1.img', 'web2'],
  [['web3.ova', 'ebs:'], '/srv/web1.img', 'web3'],
])('what goes to %j, of %s, is called %s', (output, source, name) => {
  const request = { list: 'raw', formats: ['raw'] as const, sources: [source] };
  const formats = output[0]?.endsWith('.ova') ? (['ova', 'raw'] as const) : request.formats;
  const planned = { ...request, formats: formats.slice(0, output.length), outputDir: undefined };
  expect(planOutputs(planned, 1, { output }).identity.name).toBe(name);
});
