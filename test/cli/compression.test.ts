import { describe, expect, test } from 'vitest';
import { text } from '../support/disks.ts';
import { folderWith } from '../support/folder.ts';
import { kexport } from '../support/kexport.ts';
import { HAS_ZSTD } from '../support/zstd.ts';

const BLOCK = 65_536;

describe('--compression zstd', () => {
  test.each([
    [
      'for formats without zstd',
      ['raw,vmdk', '--compression', 'zstd'],
      'zstd is for qcow2 and raw.zst',
    ],
    ['at level 20', ['qcow2', '--compression', 'zstd', '--level', '20'], 'from 1 to 19'],
    ['with a level that zlib does not have', ['qcow2', '--level', '10'], 'zlib is not 1 to 9'],
  ])('is refused %s', (_, [formats = '', ...options], message) => {
    const cwd = folderWith({ disk: text(BLOCK) });
    const { status, stderr } = kexport([formats, 'disk', '--name', 'x', ...options], { cwd });
    expect(stderr).toContain(message);
    expect(status).toBe(2);
  });

  test.skipIf(HAS_ZSTD)('is refused where Node has none', () => {
    const cwd = folderWith({ disk: text(BLOCK) });
    const { status, stderr } = kexport(['qcow2', 'disk', '--compression', 'zstd'], { cwd });
    expect(stderr).toMatch(/^kexport: Node v.* has no zstd \(Node 22.15 .*\)\n$/);
    expect(status).toBe(1);
  });
});
