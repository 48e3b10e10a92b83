import { expect, test } from 'vitest';
import { planOutputs } from '../../src/cli/export/plan.ts';
import type { Options } from '../../src/cli/options/options.ts';

function plan(options: Options) {
  const request = {
    list: 'raw',
    formats: ['raw'],
    sources: ['disk.img'],
    outputDir: undefined,
  } as const;
  return planOutputs(request, 1, options).outputs.map(({ path, address }) => ({ path, address }));
}

test.each([
  [{ output: 's3://b/x.raw' }, 's3://b/x.raw', 's3://b/x.raw'],
  [{ output: 's3://b/f/', name: 'x' }, 's3://b/f/x.raw', 's3://b/f/x.raw'],
  [{ outputDir: 's3://b/f', name: 'x' }, 's3://b/f/x.raw', 's3://b/f/x.raw'],
  [
    { output: 'https://h/x?sig=secret-signature' },
    'https://h/x',
    'https://h/x?sig=secret-signature',
  ],
  [{ output: './s3:' }, './s3:', undefined],
] as const)('%j is written to %s', (options, path, address) => {
  expect(plan(options)).toEqual([{ path, address }]);
});

test.each([
  [{ output: 's3://b/x', checksums: true }, /--checksums writes a file beside/],
  [{ output: 's3://b/f/', name: 'x', bmap: true }, /--bmap writes a file beside/],
  [{ output: 's3://b/x.vmdk' }, /the name of a vmdk, not of a raw/],
  [
    { output: 'https://h/x.vmdk?sig=secret-signature' },
    /^https:\/\/h\/x.vmdk is the name of a vmdk/,
  ],
] as const)('%j makes no sense', (options, message) => {
  expect(() => plan(options)).toThrow(message);
});
