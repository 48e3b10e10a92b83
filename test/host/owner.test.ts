import { describe, expect, test } from 'vitest';
import { ownerState, thisOwner } from '../../src/host/owner.ts';

describe('the owner of a snapshot', () => {
  test('is running while its process runs', async () => {
    expect(await ownerState(await thisOwner())).toBe('running');
  });

  test('is gone when another process has its id', async () => {
    const [boot, namespace, pid] = (await thisOwner()).split(':');
    expect(await ownerState([boot, namespace, pid, '1', 'host'].join(':'))).toBe('gone');
  });

  test('is gone after a reboot, and on another machine', async () => {
    const [, ...rest] = (await thisOwner()).split(':');
    const boot = '00000000-0000-4000-8000-000000000000';
    expect(await ownerState([boot, ...rest].join(':'))).toBe('gone');
  });

  test('is gone after a reboot where machines share the storage, but unknown on another', async () => {
    const [, ...rest] = (await thisOwner()).split(':');
    const before = ['00000000-0000-4000-8000-000000000000', ...rest];
    expect(await ownerState(before.join(':'), { isShared: true })).toBe('gone');
    const elsewhere = [...before.slice(0, -1), 'another-machine'].join(':');
    expect(await ownerState(elsewhere, { isShared: true })).toBe('unknown');
  });

  test('is unknown in another container', async () => {
    const [boot, , ...rest] = (await thisOwner()).split(':');
    expect(await ownerState([boot, '1', ...rest].join(':'))).toBe('unknown');
  });

  test.each(['', 'me', '1:2:3:4:5'])('is unknown if others wrote it: %j', async (owner) => {
    expect(await ownerState(owner)).toBe('unknown');
  });
});
