// Each call of the operating system fails once in a small export: `npm run faults` has all formats.

import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { built } from '../support/built.ts';

test.each(['qcow2'])(
  'whichever call fails, an export ends with one line and leaves nothing: %s',
  (format) => {
    const program = built('test/faults/run.ts');
    const args = [program, '--only', format, '--quick'];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^\d{2,} faults, of which \d+ did not matter\n$/);
  },
);
