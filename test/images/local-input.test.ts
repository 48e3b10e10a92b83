import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fileInput } from '../../src/images/local-input.ts';
import { temporaryFolder } from '../support/folder.ts';

const MIB = 2 ** 20;

test('a file has data where it has no hole, and what it lacks is none', async () => {
  const fd = openSync(join(temporaryFolder(), 'sparse'), 'w+');
  try {
    ftruncateSync(fd, 8 * MIB);
    writeSync(fd, Buffer.alloc(MIB, 1), 0, MIB, 4 * MIB);
    const input = fileInput('sparse', fd, 8 * MIB);
    const data = { start: 4 * MIB, end: 5 * MIB };
    expect(await input.dataIn?.(0, 8 * MIB)).toEqual([data]);
    expect(await input.dataIn?.(5 * MIB - 1, 6 * MIB)).toEqual([{ ...data, start: 5 * MIB - 1 }]);
    expect(await input.dataIn?.(6 * MIB, 8 * MIB)).toEqual([]);
    const lacking = { start: 8 * MIB, end: 8 * MIB + 1 };
    expect(await input.dataIn?.(0, 8 * MIB + 1)).toEqual([data, lacking]);
  } finally {
    closeSync(fd);
  }
});
