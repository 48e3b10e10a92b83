// A file system that another one is mounted over: its mount point leads to the other one.

import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { flushFileSystem } from '../../src/host/flush.ts';
import { freeze } from '../../src/host/freeze.ts';
import { listMounts, type Mount } from '../../src/host/mounts.ts';
import { temporaryFolder } from '../support/folder.ts';
import { loopDevice } from '../support/loop-device.ts';
import { describeAsRoot, run } from '../support/peers.ts';

const MIB = 2 ** 20;

/** A loop device with ext4 in a file, which is returned too. */
function fileSystem() {
  const file = join(temporaryFolder(), 'fs');
  writeFileSync(file, '');
  truncateSync(file, 32 * MIB);
  run('mkfs.ext4', '-q', file);
  return { file, device: loopDevice(file) };
}

function mount(device: string, folder: string): void {
  run('mount', device, folder);
  onTestFinished(() => {
    run('umount', folder);
  });
}

async function mountsOfDevice(device: string): Promise<Mount[]> {
  return (await listMounts()).filter(({ source }) => source === device);
}

/** Whether a file system is frozen: it can be so only once. */
function isFrozen(folder: string): boolean {
  try {
    run('fsfreeze', '--freeze', folder);
  } catch {
    return true;
  }
  run('fsfreeze', '--unfreeze', folder);
  return false;
}

describeAsRoot('a file system that another one is mounted over', () => {
  test('is not frozen, nor is the other one in its place', async () => {
    const [covered, over] = [fileSystem(), fileSystem()];
    const folder = temporaryFolder();
    mount(covered.device, folder);
    mount(over.device, folder);
    const [lower] = await mountsOfDevice(covered.device);
    const { frozen, others, thaw } = await freeze([lower!], []);
    const isOtherFrozen = isFrozen(folder);
    await thaw();
    expect(frozen).toEqual([]);
    expect(others).toEqual([{ mount: lower, why: 'something is mounted over it' }]);
    expect(isOtherFrozen).toBe(false);
  });

  test('nor is one in a folder that is covered', async () => {
    const [covered, over] = [fileSystem(), fileSystem()];
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'inner'));
    mount(covered.device, join(folder, 'inner'));
    run('mount', over.device, folder);
    const [lower] = await mountsOfDevice(covered.device);
    const { frozen, others, thaw } = await freeze([lower!], []);
    await thaw();
    run('umount', folder);
    expect(frozen).toEqual([]);
    expect(others).toEqual([{ mount: lower, why: 'something is mounted over it' }]);
  });

  test('is frozen where it is mounted besides', async () => {
    const [covered, over] = [fileSystem(), fileSystem()];
    const [folder, besides] = [temporaryFolder(), temporaryFolder()];
    mount(covered.device, folder);
    mount(over.device, folder);
    mount(covered.device, besides);
    const [lower] = await mountsOfDevice(covered.device);
    const { frozen, others, thaw } = await freeze([lower!], []);
    const areFrozen = [isFrozen(besides), isFrozen(folder)];
    expect(await thaw()).toEqual([]);
    expect(frozen).toMatchObject([{ mountPoint: besides }]);
    expect(others).toEqual([]);
    expect(areFrozen).toEqual([true, false]);
    expect(isFrozen(besides)).toBe(false);
  });

  test('is flushed nevertheless', async () => {
    const [covered, over] = [fileSystem(), fileSystem()];
    const folder = temporaryFolder();
    mount(covered.device, folder);
    writeFileSync(join(folder, 'file'), 'what was written last');
    mount(over.device, folder);
    const [lower] = await mountsOfDevice(covered.device);
    expect(readFileSync(covered.file).includes('what was written last')).toBe(false);
    await flushFileSystem(lower!);
    expect(readFileSync(covered.file).includes('what was written last')).toBe(true);
  });
});

describeAsRoot('a file system over the mount point of another one', () => {
  test('is not frozen if the image is written to that place', async () => {
    const [covered, over] = [fileSystem(), fileSystem()];
    const folder = temporaryFolder();
    const inner = join(folder, 'inner');
    mkdirSync(inner);
    mount(covered.device, inner);
    run('mount', over.device, folder);
    mkdirSync(inner);
    const { frozen, thaw } = await freeze(await mountsOfDevice(over.device), [
      join(inner, 'image'),
    ]);
    await thaw();
    run('umount', folder);
    expect(frozen).toEqual([]);
  });
});
