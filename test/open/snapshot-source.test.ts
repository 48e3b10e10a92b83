import { expect, test } from 'vitest';
import { snapshotSource } from '../../src/open/snapshot-source.ts';
import type { Source } from '../../src/sources/source.ts';

const broken: Source = {
  name: 'a snapshot that ran full',
  size: 65_536,
  next: () => Promise.reject(new Error('i/o error')),
  read: () => Promise.reject(new Error('i/o error')),
  close: () => Promise.resolve(),
};

function sourceWith(check: () => Promise<void>): Source {
  return snapshotSource(broken, {
    ...{ path: '/dev/vg/snapshot', window: undefined, check },
    release: () => Promise.resolve(),
  });
}

test('what has made a snapshot invalid explains an error of reading it, wherever', async () => {
  const source = sourceWith(() => Promise.reject(new Error('it ran full')));
  await expect(source.next(new Uint8Array(65_536))).rejects.toThrow('it ran full');
  await expect(source.read?.(0, new Uint8Array(512))).rejects.toThrow('it ran full');
});

test('an error of a valid one stays what it is', async () => {
  const source = sourceWith(() => Promise.resolve());
  await expect(source.next(new Uint8Array(65_536))).rejects.toThrow('i/o error');
  await expect(source.read?.(0, new Uint8Array(512))).rejects.toThrow('i/o error');
});
