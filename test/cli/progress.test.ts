// Progress in real terminals of 40 and 200 columns, and for programs.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { encode, memorySink, type Progress, sourceFrom } from 'kexport';
import { ova, qcow2 } from 'kexport/formats';
import { beforeAll, describe, expect, test } from 'vitest';
import { noise, withPartition } from '../support/disks.ts';
import { sharedFolder } from '../support/folder.ts';
import { describeWith } from '../support/peers.ts';
import { inTerminal, screenAfter } from '../support/terminal.ts';

const MIB = 2 ** 20;

const folder = sharedFolder();

beforeAll(() => {
  writeFileSync(join(folder, 'disk.raw'), withPartition(noise(64 * MIB)));
});

/** Lines of progress, as the terminal got them. */
function progressIn(output: string): string[] {
  const lines = stripVTControlCharacters(output).split(/[\r\n]+/);
  return lines.filter((line) => /^(spooling|writing|sending|syncing|hashing|verifying)/.test(line));
}

const NAMES = '--name x --force --firmware bios';

describeWith(['script', 'tmux'], 'progress', () => {
  describe.each([40, 200])('in a terminal of %s columns', (columns) => {
    const shown = (line: string) => {
      const lines = progressIn(inTerminal(line, { cwd: folder, columns }));
      // A line that is as wide as the terminal wraps on some.
      for (const text of lines) expect(text.length).toBeLessThan(columns);
      return lines;
    };

    test('shows a pipe of unknown size while it is spooled, and what follows', () => {
      const lines = shown(`cat disk.raw | $KEXPORT ova - ${NAMES}`);
      expect(lines[0]).toBe('spooling  0 B');
      expect(lines).toContain('writing  0 %  0 B of 64.0 MiB');
      expect(lines.some((line) => line.startsWith('syncing ova  '))).toBe(true);
    });

    test('shows hashing and verification with bytes of their own', () => {
      const lines = shown(`$KEXPORT qcow2,vmdk disk.raw --verify --checksums ${NAMES}`);
      for (const phase of ['syncing', 'verifying']) {
        for (const format of ['qcow2', 'vmdk']) {
          expect(lines.some((line) => line.startsWith(`${phase} ${format}  `))).toBe(true);
        }
      }
      expect(lines.some((line) => /^hashing qcow2 {2}\d+ %/.test(line))).toBe(true);
      const first = lines.find((line) => line.startsWith('verifying qcow2')) ?? '';
      expect(first).not.toContain('100 %');
    });

    test('leaves nothing on the screen but the report', () => {
      const line = `$KEXPORT qcow2 disk.raw --verify --checksums ${NAMES}`;
      const screen = screenAfter(line, { cwd: folder, columns });
      expect(screen).toMatch(/^FORMAT /);
      expect(screen).not.toMatch(/writing|syncing|hashing|verifying|%/);
    });
  });
});

test('a program is told each phase, up to its end', async () => {
  const told: Progress[] = [];
  const stream = new Blob([withPartition(noise(4 * MIB))]).stream();
  const source = await sourceFrom(stream, { name: 'pipe' });
  const targets = [
    { format: ova(), sink: memorySink() },
    { format: qcow2(), sink: memorySink() },
  ];
  await encode(source, targets, { onProgress: (progress) => told.push(progress) });
  const phases = [...new Set(told.map(({ phase }) => phase))];
  expect(phases).toEqual(['spooling', 'writing']);
  for (const phase of phases) {
    const dones = told.filter((one) => one.phase === phase).map(({ done }) => done);
    expect(dones).toEqual([...dones].sort((one, other) => one - other));
    expect([dones[0], dones.at(-1)]).toEqual([0, 4 * MIB]);
  }
  expect(
    told.filter(({ phase }) => phase === 'spooling').every(({ total }) => total === undefined),
  ).toBe(true);
});
