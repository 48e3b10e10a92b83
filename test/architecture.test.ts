import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const TOP = join(import.meta.dirname, '..');

function sources(folder: string): string[] {
  return readdirSync(join(TOP, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => join(folder, path));
}

function imports(path: string): string[] {
  const text = readFileSync(join(TOP, path), 'utf8');
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, name]) => name ?? '');
}

describe('the layers', () => {
  test.each(sources('formats'))(
    '%s imports nothing that does I/O, and nothing from src/',
    (path) => {
      for (const name of imports(path)) expect(name).not.toMatch(/^node:|\/src\//);
    },
  );

  test.each(sources('src').filter((path) => !path.startsWith('src/cli/')))(
    '%s neither prints nor exits',
    (path) => {
      const text = readFileSync(join(TOP, path), 'utf8');
      expect(text).not.toMatch(/console\.|process\.(exit|stdout|stderr)/);
    },
  );

  test.each(sources('src').filter((path) => !path.startsWith('src/zfs/')))(
    '%s does not run zfs or zpool',
    (path) => {
      const text = readFileSync(join(TOP, path), 'utf8');
      expect(text).not.toMatch(/^import .*child_process[^]*(['"`\/])(zfs|zpool)['"`]/m);
    },
  );
});
