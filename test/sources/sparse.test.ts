// Sparse files: whatever the system reports about their holes, every byte of data is read.

import { closeSync, openSync, readFileSync, statfsSync, writeFileSync, writeSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import fc from 'fast-check';
import { openSource } from 'kexport';
import { describe, expect, test } from 'vitest';
import { noise, writeDisk } from '../support/disks.ts';
import { temporaryFolder } from '../support/folder.ts';
import { kexport, shell } from '../support/kexport.ts';
import { describeWith, run, runIn } from '../support/peers.ts';
import { extentsOf } from '../support/read-source.ts';

const MIB = 2 ** 20;
const TMPFS = 0x0102_1994;

/** What a source gives, put together, and how much of it was read. */
async function readAll(path: string): Promise<{ disk: Buffer; bytesRead: number }> {
  const source = await openSource(path, { from: 'raw' });
  const disk = Buffer.alloc(source.size!);
  let bytesRead = 0;
  for await (const { diskOffset, length, bytes } of extentsOf(source)) {
    bytes.copy(disk, diskOffset);
    bytesRead += length;
  }
  await source.close();
  return { disk, bytesRead };
}

describe('a sparse file', () => {
  test.skipIf(statfsSync('/dev/shm').type !== TMPFS)('is read only where it has data', async () => {
    const path = join(temporaryFolder('/dev/shm'), 'disk');
    const bytes = noise(512);
    writeDisk(path, {
      size: 128 * MIB + 512,
      pieces: [
        { offset: 100_000, bytes },
        { offset: 70 * MIB, bytes },
        { offset: 128 * MIB, bytes },
      ],
    });
    const { disk, bytesRead } = await readAll(path);
    expect(disk.equals(readFileSync(path))).toBe(true);
    expect(bytesRead).toBe(2 * 65_536 + 512);
  });

  test.each([
    ['nothing but a hole', 5 * MIB + 512, []],
    ['a hole at its end', 9 * MIB + 1, [{ offset: MIB, bytes: noise(3) }]],
    ['a hole at its start', 9 * MIB + 1, [{ offset: 9 * MIB, bytes: noise(1) }]],
    [
      'holes too small to skip',
      4 * MIB,
      [0, 1, 2, 3].map((i) => ({ offset: i * MIB, bytes: noise(9) })),
    ],
  ])('comes out whole with %s', (_, size, pieces) => {
    const cwd = temporaryFolder();
    writeDisk(join(cwd, 'disk'), { size, pieces });
    for (const options of [[], ['--read-holes']]) {
      kexport(['raw', 'disk', '-o', 'x', '--from', 'raw', '--force', ...options], { cwd });
      const rest = -size & 511;
      const padded = Buffer.concat([readFileSync(join(cwd, 'disk')), Buffer.alloc(rest)]);
      expect(readFileSync(join(cwd, 'x')).equals(padded)).toBe(true);
    }
  });

  test('is read from where the shell left it if it is redirected, and left there', () => {
    const cwd = temporaryFolder();
    const bytes = noise(2000);
    const pieces = [0, 3, 60_000, 6 * MIB - 1000, 9 * MIB].map((offset) => ({ offset, bytes }));
    writeDisk(join(cwd, 'disk'), { size: 12 * MIB, pieces });
    const before = 'dd bs=1000 count=1 status=none of=/dev/null';
    const line = `{ ${before}; kexport raw - -o x; cat > b; } < disk`;
    expect(shell(line, cwd).status).toBe(0);
    const rest = readFileSync(join(cwd, 'disk')).subarray(1000);
    expect(readFileSync(join(cwd, 'x')).subarray(0, rest.length).equals(rest)).toBe(true);
    expect(readFileSync(join(cwd, 'b')).equals(rest)).toBe(true);
  });
});

describeWith(['fallocate'], 'a file after any writes, holes and syncs', () => {
  const offset = fc.integer({ min: 0, max: 24 * 1024 - 1 }).map((kib) => kib * 1024);
  const length = fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 4 * MIB }));
  const kind = fc.constantFrom('write', 'write', 'preallocate', 'punch', 'sync');
  const steps = fc.array(fc.record({ kind, offset, length }), { maxLength: 12 });

  test('comes out whole', async () => {
    const path = join(temporaryFolder(), 'disk');
    const property = fc.asyncProperty(
      steps,
      fc.integer({ min: 1, max: 24 * MIB }),
      async (list, size) => {
        writeDisk(path, { size, pieces: [] });
        for (const step of list) change(path, step, size);
        const { disk } = await readAll(path);
        expect(disk.equals(readFileSync(path))).toBe(true);
      },
    );
    await fc.assert(property, { numRuns: 40, seed: 1 });
  });

  function change(
    path: string,
    step: { kind: string; offset: number; length: number },
    size: number,
  ) {
    const from = Math.min(step.offset, size - 1);
    const count = Math.min(step.length, size - from);
    const range = ['-o', String(from), '-l', String(count), path];
    if (step.kind === 'sync') run('sync', path);
    else if (step.kind === 'preallocate') run('fallocate', ...range);
    else if (step.kind === 'punch') run('fallocate', '-p', ...range);
    else {
      const fd = openSync(path, 'r+');
      writeSync(fd, noise(count), 0, count, from);
      closeSync(fd);
    }
  }
});

describe('a map of the data that is not certain', () => {
  test.each([
    ['no map', 'exit 1'],
    ['a map without its end', 'echo 0 100'],
    ['a map that goes backwards', 'echo 8000000 8000100; echo 0 100; echo end'],
    ['other text than a map', 'echo perl: warning; echo end'],
    ['a map with an empty range', 'echo 100 100; echo end'],
  ])('is not used: %s', (_, script) => {
    const cwd = temporaryFolder();
    writeDisk(join(cwd, 'disk'), {
      size: 9 * MIB,
      pieces: [{ offset: 4 * MIB, bytes: noise(70_000) }],
    });
    writeFileSync(join(cwd, 'perl'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const PATH = [cwd, process.env['PATH']].join(delimiter);
    const { status } = kexport(['raw', 'disk', '-o', 'x'], { cwd, env: { PATH } });
    expect(status).toBe(0);
    expect(readFileSync(join(cwd, 'x')).equals(readFileSync(join(cwd, 'disk')))).toBe(true);
  });

  test('is not needed: a file is read without perl', () => {
    const cwd = temporaryFolder();
    writeDisk(join(cwd, 'disk'), {
      size: 9 * MIB,
      pieces: [{ offset: 4 * MIB, bytes: noise(70_000) }],
    });
    const started = performance.now();
    const { status } = kexport(['raw', 'disk', '-o', 'x'], { cwd, env: { PATH: cwd } });
    expect(status).toBe(0);
    expect(performance.now() - started).toBeLessThan(30_000); // it waits for nothing
    runIn(cwd, 'cmp', 'disk', 'x');
  });
});
