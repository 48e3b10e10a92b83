import { utimesSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { intentOf, noteIntent } from '../../../src/zfs/live/intent.ts';
import { temporaryFolder } from '../../support/folder.ts';

describe('the note of a checkpoint to come', () => {
  test('is that of this process, until it is removed', async () => {
    const folder = join(temporaryFolder(), 'run');
    const remove = await noteIntent('a pool', folder);
    expect(await intentOf('a pool', new Date(), folder)).toBe('running');
    expect(await intentOf('another', new Date(), folder)).toBeUndefined();
    await remove();
    expect(readdirSync(folder)).toEqual([]);
    expect(await intentOf('a pool', new Date(), folder)).toBeUndefined();
  });

  test('is not that of a checkpoint taken before it, or long after it', async () => {
    const folder = temporaryFolder();
    await noteIntent('tank', folder);
    const noted = new Date('2026-11-29T12:00:00.700Z');
    utimesSync(join(folder, 'checkpoint-tank'), noted, noted);
    const stateAt = (time: string) => intentOf('tank', new Date(time), folder);
    expect(await stateAt('2026-11-29T12:00:00Z')).toBe('running'); // zpool prints whole seconds
    expect(await stateAt('2026-11-29T12:00:59Z')).toBe('running');
    expect(await stateAt('2026-11-29T11:59:59Z')).toBeUndefined();
    expect(await stateAt('2026-11-29T12:01:01Z')).toBeUndefined();
    expect(await stateAt('in a language that nobody reads')).toBeUndefined();
  });

  test('is left out where none can be written', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'file'), '');
    const remove = await noteIntent('tank', join(folder, 'file'));
    await remove();
    expect(await intentOf('tank', new Date(), join(folder, 'file'))).toBeUndefined();
  });
});
