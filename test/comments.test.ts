import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { TOP } from './support/project.ts';

/** Prettier wraps code, but not comments. */
const MAX_COLUMNS = 100;

const FOLDERS = ['.ci', 'bench', 'fixtures', 'formats', 'src', 'test'];

/** What begins a comment, at the start of a line or after code. */
const COMMENTS: Readonly<Record<string, RegExp>> = {
  '.ts': /^\s*(\/\/|\/\*|\*)|\s\/\/\s/,
  '.js': /^\s*(\/\/|\/\*|\*)|\s\/\/\s/,
  '.sh': /^\s*#|\s#\s/,
};

/** Lines with a comment that ends past the last column. Those with an address cannot be wrapped. */
function longComments(path: string, comment: RegExp): string[] {
  return readFileSync(join(TOP, path), 'utf8')
    .split('\n')
    .map((line, index) => ({ line, place: `${path}:${index + 1}` }))
    .filter(({ line }) => line.length > MAX_COLUMNS && comment.test(line) && !/https?:/.test(line))
    .map(({ line, place }) => `${place} ends in column ${line.length}`);
}

/** `.sh` for a script of bash or sh, whatever its name. */
function kindOf(path: string): string {
  const extension = extname(path);
  if (extension in COMMENTS) return extension;
  const head = readFileSync(join(TOP, path), 'latin1').slice(0, 80);
  return /^#!.*\b(ba)?sh\b/.test(head) ? '.sh' : extension;
}

test.each(FOLDERS)('comments in %s/ keep within 100 columns', (folder) => {
  const found = readdirSync(join(TOP, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(TOP, join(entry.parentPath, entry.name)))
    .flatMap((path) => {
      const comment = COMMENTS[kindOf(path)];
      return comment ? longComments(path, comment) : [];
    });
  expect(found).toEqual([]);
});
