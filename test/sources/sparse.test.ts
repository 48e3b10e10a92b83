// The holes of sparse files: whatever the system says of them, every byte of data arrives.

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';
import fc from 'fast-check';
import { openSource } from 'kexport';
import { describe, expect, onTestFinished, test } from 'vitest';
import { noise } from '../support/disks.ts';
import { temporaryFolder } from '../support/folder.ts';
import { kexport, shell } from '../support/kexport.ts';
import { describeWith, run } from '../support/peers.ts';

const MIB = 2 ** 20;
const TMPFS = 0x0102_1994;

interface Piece {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Written but not synced: the data are not on the disk yet. */
function sparseFile(path: string, size: number, pieces: readonly Piece[]): void {
  const fd = openSync(path, 'w');
  for (const { offset, bytes } of pieces) writeSync(fd, bytes, 0, bytes.length, offset);
  ftruncateSync(fd, size);
  closeSync(fd);
}

/** What a source gives, put together, and how much of it was read. */
async function readAll(path: string): Promise<{ disk: Buffer; bytesRead: number }> {
  const source = await openSource(path, { from: 'raw' });
  const disk = Buffer.alloc(source.size!);
  const buffer = Buffer.alloc(MIB);
  const { signal } = new AbortController();
  let bytesRead = 0;
  let end = 0;
  for (;;) {
    const extent = await source.next(buffer.fill(0xee), signal);
    if (!extent) break;
    expect(extent.diskOffset % 65_536).toBe(0);
    expect(extent.diskOffset).toBeGreaterThanOrEqual(end);
    end = extent.diskOffset + extent.length;
    expect(end === disk.length || end % 65_536 === 0).toBe(true);
    buffer.copy(disk, extent.diskOffset, 0, extent.length);
    bytesRead += extent.length;
  }
  await source.close();
  return { disk, bytesRead };
}

describe('a sparse file', () => {
  test.skipIf(statfsSync('/dev/shm').type !== TMPFS)('is read where it has data', async () => {
    const folder = mkdtempSync('/dev/shm/kexport-test-');
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'disk');
    const bytes = noise(512);
    sparseFile(path, 1024 * MIB + 512, [
      { offset: 100_000, bytes },
      { offset: 700 * MIB, bytes },
      { offset: 1024 * MIB, bytes },
    ]);
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
  ])('that is %s comes out whole', (_, size, pieces) => {
    const cwd = temporaryFolder();
    sparseFile(join(cwd, 'disk'), size, pieces);
    for (const options of [[], ['--read-holes']]) {
      kexport(['raw', 'disk', '-o', 'x', '--from', 'raw', '--force', ...options], { cwd });
      const rest = -size & 511;
      const padded = Buffer.concat([readFileSync(join(cwd, 'disk')), Buffer.alloc(rest)]);
      expect(readFileSync(join(cwd, 'x')).equals(padded)).toBe(true);
    }
  });

  test('that is redirected is read from where the shell left it, and left there', () => {
    const cwd = temporaryFolder();
    const bytes = noise(2000);
    const pieces = [0, 3, 60_000, 6 * MIB - 1000, 9 * MIB].map((offset) => ({ offset, bytes }));
    sparseFile(join(cwd, 'disk'), 12 * MIB, pieces);
    const before = 'dd bs=1000 count=1 status=none of=/dev/null';
    const line = `{ ${before}; kexport raw - -o x; cat > b; } < disk`;
    expect(shell(line, cwd).status).toBe(0);
    const rest = readFileSync(join(cwd, 'disk')).subarray(1000);
    expect(readFileSync(join(cwd, 'x')).subarray(0, rest.length).equals(rest)).toBe(true);
    expect(readFileSync(join(cwd, 'b')).equals(rest)).toBe(true);
  });
});

describeWith(['fallocate'], 'whatever was done to a file', () => {
  const offset = fc.integer({ min: 0, max: 24 * 1024 - 1 }).map((kib) => kib * 1024);
  const length = fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 4 * MIB }));
  const kind = fc.constantFrom('write', 'write', 'preallocate', 'punch', 'sync');
  const steps = fc.array(fc.record({ kind, offset, length }), { maxLength: 12 });

  test('its source gives every byte', async () => {
    const path = join(temporaryFolder(), 'disk');
    const property = fc.asyncProperty(
      steps,
      fc.integer({ min: 1, max: 24 * MIB }),
      async (list, size) => {
        rmSync(path, { force: true });
        sparseFile(path, size, []);
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

describe('a map of the data that is not certain is not used:', () => {
  test.each([
    ['none', 'exit 1'],
    ['one without its end', 'echo 0 100'],
    ['one that goes backwards', 'echo 8000000 8000100; echo 0 100; echo end'],
    ['one that is no map', 'echo perl: warning; echo end'],
    ['one with an empty range', 'echo 100 100; echo end'],
  ])('%s', (_, script) => {
    const cwd = temporaryFolder();
    sparseFile(join(cwd, 'disk'), 9 * MIB, [{ offset: 4 * MIB, bytes: noise(70_000) }]);
    writeFileSync(join(cwd, 'perl'), `#!/bin/sh\n${script}\n`);
    chmodSync(join(cwd, 'perl'), 0o755);
    const PATH = [cwd, process.env['PATH']].join(delimiter);
    const { status } = kexport(['raw', 'disk', '-o', 'x'], { cwd, env: { PATH } });
    expect(status).toBe(0);
    expect(readFileSync(join(cwd, 'x')).equals(readFileSync(join(cwd, 'disk')))).toBe(true);
  });

  test('nor is perl needed', () => {
    const cwd = temporaryFolder();
    sparseFile(join(cwd, 'disk'), 9 * MIB, [{ offset: 4 * MIB, bytes: noise(70_000) }]);
    const started = performance.now();
    const { status } = kexport(['raw', 'disk', '-o', 'x'], { cwd, env: { PATH: cwd } });
    expect(status).toBe(0);
    expect(performance.now() - started).toBeLessThan(30_000); // nothing is waited for
    execFileSync('cmp', ['disk', 'x'], { cwd });
  });
});
