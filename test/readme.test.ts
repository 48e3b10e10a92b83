import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { FORMATS } from '../formats/index.ts';
import { temporaryFolder } from './support/folder.ts';
import { run } from './support/peers.ts';
import { BOOT_DISK, TOP } from './support/project.ts';

const README = readFileSync(join(TOP, 'README.md'), 'utf8');

test('the library example compiles, runs, and makes its images', () => {
  const [, example = ''] = /```ts\n([\s\S]*?)```/.exec(README) ?? [];
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(TOP, join(folder, 'node_modules', 'kexport'));
  symlinkSync(join(TOP, 'node_modules', '@types'), join(folder, 'node_modules', '@types'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(folder, 'example.ts'), example);
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: { strict: true, module: 'nodenext', target: 'es2022', types: ['node'] },
    }),
  );
  run('cp', BOOT_DISK, folder);
  run(process.execPath, join(TOP, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', folder);
  execFileSync(process.execPath, ['example.js'], { cwd: folder });
  expect(existsSync(join(folder, 'web1.qcow2'))).toBe(true);
  run('cmp', join(folder, 'web1.raw'), join(folder, 'disk.raw'));
});

const DOCUMENTS = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'SECURITY.md',
  'docs/architecture.md',
  'formats/README.md',
  'fixtures/zfs/README.md',
  'test/zfs-lab/README.md',
];

test.each(DOCUMENTS)('the links of %s lead to what is there', (document) => {
  const text = readFileSync(join(TOP, document), 'utf8');
  const links = [...text.matchAll(/\]\(([^)#]+)/g)].map(([, link = '']) => link);
  const missing = links
    .filter((link) => !link.includes(':'))
    .filter((link) => !existsSync(join(TOP, dirname(document), link)));
  expect(missing).toEqual([]);
});

test('the table of formats names every format', () => {
  for (const name of Object.keys(FORMATS)) expect(README).toContain(`| \`${name}\``);
});

test('each row of the table of faults has a describe of its name, and each describe a row', () => {
  const [, table = ''] = /### When something goes wrong\n\n([\s\S]*?)\n\n/.exec(README) ?? [];
  const [, , ...rows] = table.split('\n').map((line) => line.split('|')[1]?.trim());
  const folder = join(TOP, 'test', 'cli', 'faults');
  const tests = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
  const titles = tests.join('').matchAll(/^describe(?:AsRoot)?\('(.+)', \(\) => \{$/gm);
  const named = [...titles].map(([, title]) => title);
  expect(rows.length).toBeGreaterThan(10);
  expect(named.sort()).toEqual(rows.sort());
});
