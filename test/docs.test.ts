import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FORMATS } from '../formats/index.ts';
import { parseOptions, splitWords } from '../src/cli/command-line/parse-words.ts';
import { KEXPORT } from '../src/cli/programs/kexport.ts';
import { KSNAP } from '../src/cli/programs/ksnap.ts';
import { cliPage } from './support/cli-page.ts';
import { temporaryFolder } from './support/folder.ts';
import { shell } from './support/kexport.ts';
import { run } from './support/peers.ts';
import { BOOT_DISK, TOP } from './support/project.ts';

const README = readFileSync(join(TOP, 'README.md'), 'utf8');
const PAGES = ['README.md', ...readdirSync(join(TOP, 'docs')).map((name) => `docs/${name}`)].filter(
  (name) => name.endsWith('.md'),
);

/** The code blocks of a page in that language, with what follows the language. */
function blocksOf(page: string, language: string): { info: string; code: string }[] {
  const text = readFileSync(join(TOP, page), 'utf8');
  const blocks = text.matchAll(new RegExp(`^\`\`\`${language}( .*)?\\n([\\s\\S]*?)^\`\`\``, 'gm'));
  return [...blocks].map(([, info = '', code = '']) => ({ info: info.trim(), code }));
}

/** The words of each `kexport` command line in a block, up to what only a shell reads. */
function commandsIn(code: string): string[][] {
  const lines = code.replaceAll('\\\n', ' ').split('\n');
  const commands = lines.flatMap(
    (line) => /(?:^|\| )(?:npx )?kexport ([^|<>#&]*)/.exec(line)?.[1] ?? [],
  );
  return commands.map((text) =>
    [...text.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c ?? ''),
  );
}

const PAGES_WITH_COMMANDS = PAGES.filter((page) =>
  blocksOf(page, 'sh').some(({ code }) => commandsIn(code).length > 0),
);

describe.each(PAGES_WITH_COMMANDS)('%s', (page) => {
  const commands = blocksOf(page, 'sh').flatMap(({ code }) => commandsIn(code));
  test.each(commands.map((words) => [words.join(' '), words] as const))(
    'shows a command that kexport accepts: %s',
    (_, words) => {
      const { operands, given } = splitWords(words);
      parseOptions(given);
      const [first = 'all'] = operands;
      const isCommand = KEXPORT.commands.some(({ name }) => name === first);
      if (!isCommand)
        for (const name of first.split(','))
          expect([...Object.keys(FORMATS), 'all']).toContain(name);
    },
  );

  test.each(blocksOf(page, 'sh').filter(({ info }) => info === 'run'))(
    'shows commands that run: $code',
    ({ code }) => {
      const folder = temporaryFolder();
      run('cp', BOOT_DISK, join(folder, 'disk.img'));
      const { status, stderr } = shell(`set -e\n${code}`, folder);
      expect(status, stderr).toBe(0);
    },
  );
});

const OTHER_DOCUMENTS = [
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'formats/README.md',
  'fixtures/zfs/README.md',
  'test/zfs-lab/README.md',
];

test.each([...PAGES, ...OTHER_DOCUMENTS])('%s links to files that exist', (page) => {
  const text = readFileSync(join(TOP, page), 'utf8');
  const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, link = '']) => link);
  for (const link of links) expect(existsSync(join(TOP, dirname(page), link)), link).toBe(true);
});

test('README fits two screens', () => {
  expect(README.split('\n').length).toBeLessThanOrEqual(121);
});

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

test('TypeScript requires the library with nodenext, and not with node16', () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(TOP, join(folder, 'node_modules', 'kexport'));
  symlinkSync(join(TOP, 'node_modules', '@types'), join(folder, 'node_modules', '@types'));
  const file = join(folder, 'required.cts');
  writeFileSync(file, "import kexport = require('kexport');\nvoid kexport.encode;\n");
  const compiler = join(TOP, 'node_modules', 'typescript', 'bin', 'tsc');
  const compile = (module: string) => {
    const args = ['--noEmit', '--skipLibCheck', '--types', 'node', '--module', module, file];
    const how = { cwd: folder, encoding: 'utf8' } as const;
    return spawnSync(process.execPath, [compiler, ...args], how).stdout;
  };
  expect(compile('nodenext')).toBe('');
  expect(compile('node16')).toContain('TS1471');
});

test('the table of formats names every format', () => {
  for (const name of Object.keys(FORMATS))
    expect(README).toMatch(new RegExp(`^\\| [^|]*\`${name}\`[^|]*\\|`, 'm'));
});

test('each row of the table of faults has a describe of its name, and each describe a row', () => {
  const internals = readFileSync(join(TOP, 'docs/internals.md'), 'utf8');
  const [, table = ''] = /## When something goes wrong\n\n([\s\S]*?)\n\n/.exec(internals) ?? [];
  const [, , ...rows] = table.split('\n').map((line) => line.split('|')[1]?.trim());
  const folder = join(TOP, 'test', 'cli', 'faults');
  const tests = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
  const titles = tests.join('').matchAll(/^describe(?:AsRoot)?\('(.+)', \(\) => \{$/gm);
  const named = [...titles].map(([, title]) => title);
  expect(rows.length).toBeGreaterThan(10);
  expect(named.sort()).toEqual(rows.sort());
});

// `npm run goldens` writes it anew.
test('docs/cli.md has every command and option as the command defines them', async () => {
  await expect(cliPage([KEXPORT, KSNAP])).toMatchFileSnapshot('../docs/cli.md');
});
