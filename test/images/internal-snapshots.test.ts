// The disk of a qcow2 as one of its snapshots has it.

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openImageFile } from '../../src/images/open-image-file.ts';
import { folderWith, temporaryFolder } from '../support/folder.ts';
import { kexport, kexportOk } from '../support/kexport.ts';
import { checkQcow2, describeWith, run, runIn } from '../support/peers.ts';

const MIB = 2 ** 20;

/** An image that was written to after each of two snapshots, and then has grown. */
function imageIn(cwd: string): string {
  const image = join(cwd, 'x.qcow2');
  run('qemu-img', 'create', '-q', '-f', 'qcow2', image, '8M');
  run('qemu-io', '-c', 'write -P 1 0 3M', image);
  run('qemu-img', 'snapshot', '-c', 'first', image);
  run('qemu-io', '-c', 'write -P 2 1M 4M', image);
  run('qemu-img', 'snapshot', '-c', 'second', image);
  run('qemu-io', '-c', 'write -P 3 0 1M', '-c', 'discard 2M 1M', image);
  return image;
}

describeWith(['qemu-img', 'qemu-io'], '--internal-snapshot', () => {
  test.each(['first', 'second', '2'])('reads the disk that qemu-img reads: %s', (name) => {
    const cwd = temporaryFolder();
    const image = imageIn(cwd);
    runIn(cwd, 'qemu-img', 'convert', '-l', name, '-O', 'raw', image, 'theirs.raw');
    kexportOk(cwd, 'convert', image, 'raw', '--internal-snapshot', name, '-o', 'ours.raw');
    runIn(cwd, 'cmp', 'ours.raw', 'theirs.raw');
    const whole = ['verify', image, '--internal-snapshot', name, '--against', 'theirs.raw'];
    kexportOk(cwd, ...whole);
    kexportOk(cwd, 'qcow2', image, '--internal-snapshot', name, '-o', 'alone.qcow2');
    checkQcow2(join(cwd, 'alone.qcow2'));
  });

  test('reads the size that the disk had', async () => {
    const cwd = temporaryFolder();
    const image = imageIn(cwd);
    run('qemu-img', 'resize', '-q', image, '16M');
    await using opened = await openImageFile(image, { internalSnapshot: 'first' });
    expect(opened.reader.facts.diskSize).toBe(8 * MIB);
  });

  test('says which snapshots there are if there is no such one', () => {
    const cwd = temporaryFolder();
    const { status, stderr } = kexport(['info', imageIn(cwd), '--internal-snapshot', 'third']);
    expect(stderr).toContain('no snapshot "third", the image has 1 (first), 2 (second)');
    expect(status).toBe(1);
  });
});

test('--internal-snapshot is for a qcow2', async () => {
  const cwd = folderWith({ 'x.raw': Buffer.alloc(512) });
  const args = ['convert', 'x.raw', 'qcow2', '--internal-snapshot', 'a', '-o', 'y'];
  const { status, stderr } = kexport(args, { cwd });
  expect([status, stderr]).toEqual([2, expect.stringContaining('needs a qcow2')]);
  const opened = openImageFile(join(cwd, 'x.raw'), { internalSnapshot: 'a' });
  await expect(opened).rejects.toThrow('needs a qcow2');
});
