// The map of a sparse file.

import { closeSync, openSync, truncateSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { dataMap } from '../../src/sources/data-map.ts';
import { temporaryFolder } from '../support/folder.ts';

const MIB = 2 ** 20;

test('of a file with more parts than are kept has its smallest holes as data', async () => {
  const cwd = temporaryFolder();
  writeFileSync(join(cwd, 'disk'), '');
  truncateSync(join(cwd, 'disk'), 4 * 2 ** 40);
  // Of 600,000 MiB, each begins 4 MiB after the one before, and each thousandth 64.
  const script = `awk 'BEGIN { for (i = 0; i < 600000; i++) {
    printf "%.0f %.0f\\n", at, at + ${MIB}; at += (i % 1000 == 999 ? 64 : 4) * ${MIB} }
    print "end" }'`;
  writeFileSync(join(cwd, 'perl'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  vi.stubEnv('PATH', [cwd, process.env['PATH']].join(delimiter));
  onTestFinished(() => void vi.unstubAllEnvs());
  const fd = openSync(join(cwd, 'disk'), 'r');
  const ranges = await dataMap(fd, 0, 4 * 2 ** 40);
  closeSync(fd);
  expect(ranges).toHaveLength(600);
  expect(ranges?.[1]).toEqual({ start: 4060 * MIB, end: 8057 * MIB });
});
