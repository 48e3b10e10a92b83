// The metadata of Incus, to tar and gzip.

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { incus, type IncusOptions } from '../../formats/index.ts';
import { diskWithBlocks } from '../support/disks.ts';
import { temporaryFolder } from '../support/folder.ts';
import { describeWith, run } from '../support/peers.ts';
import { writeImage } from '../support/write-image.ts';

async function archive(options: IncusOptions = {}): Promise<string> {
  const path = join(temporaryFolder(), 'x.incus.tar.gz');
  (await writeImage(incus(options), diskWithBlocks(2 ** 20, [0, 3]))).save(path);
  return path;
}

describeWith(['tar', 'bsdtar', 'gzip'], 'the metadata of Incus', () => {
  test('is one file in a tar in a sound gzip file', async () => {
    const path = await archive();
    run('gzip', '-t', path);
    expect(run('tar', '-tzf', path)).toBe('metadata.yaml\n');
    expect(run('bsdtar', '-tf', path)).toBe('metadata.yaml\n');
  });

  test('has what Incus requires, and the name', async () => {
    const path = await archive({ vmName: 'a "name": #1' });
    expect(run('tar', '-xzOf', path, 'metadata.yaml').split('\n')).toEqual([
      'architecture: x86_64',
      'creation_date: 1709208000',
      'properties:',
      '  architecture: x86_64',
      '  description: "a \\"name\\": #1"',
      '  name: "a \\"name\\": #1"',
      '',
    ]);
  });
});

test('metadata is for a qcow2, and has nothing of the disk', async () => {
  expect(incus().describes).toBe('qcow2');
  const one = await writeImage(incus(), diskWithBlocks(2 ** 20, [0]));
  const other = await writeImage(incus(), diskWithBlocks(2 ** 30, [5, 6]));
  expect(one.bytes.equals(other.bytes)).toBe(true);
});
