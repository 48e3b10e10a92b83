import { spawnSync } from 'node:child_process';
import { copyFileSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { bundled } from '../support/built.ts';
import { folderWith, temporaryFolder } from '../support/folder.ts';
import { kexport, kexportOk } from '../support/kexport.ts';
import { run, runIn } from '../support/peers.ts';
import { BOOT_DISK, TOP } from '../support/project.ts';

describe('kexport.mjs', () => {
  test('makes what the package makes, with nothing beside it', () => {
    const folder = temporaryFolder();
    copyFileSync(bundled('kexport.mjs'), join(folder, 'kexport.mjs'));
    const words = ['qcow2,raw,vdi,ova', BOOT_DISK, '--zip', '--threads', '2'];
    runIn(folder, './kexport.mjs', ...words, '-q', '--name', 'alone');
    kexportOk(folder, ...words, '--name', 'package');
    runIn(folder, 'cmp', 'alone.qcow2', 'package.qcow2');
    const images = ['qcow2', 'raw.zip', 'vdi', 'ova'].map((ending) => `alone.${ending}`);
    runIn(folder, './kexport.mjs', 'verify', ...images, '--against', BOOT_DISK, '-q');
  });

  test('is ksnap under that name, and as `snap`', () => {
    const folder = temporaryFolder();
    symlinkSync(bundled('kexport.mjs'), join(folder, 'ksnap'));
    const help = runIn(folder, './ksnap', '--help');
    expect(help).toMatch(/^Usage: ksnap WHAT/);
    expect(run(bundled('kexport.mjs'), 'snap', 'help')).toBe(help);
    expect(run(bundled('ksnap.cjs'), '--help')).toBe(help);
  });
});

test('help loads nothing of Node that takes long', () => {
  const late = ['net', 'zlib', 'crypto', 'worker_threads', 'child_process', 'fs/promises'];
  const folder = folderWith({
    'list.cjs': `process.on('exit', () => require('fs').writeFileSync('list', process.moduleLoadList.join('\\n')));`,
  });
  // Node itself would load `net` for a pipe.
  const line = '"$0" -r ./list.cjs "$1" --help > help 2> errors';
  runIn(folder, 'bash', '-c', line, process.execPath, bundled('kexport.cjs'));
  const list = readFileSync(join(folder, 'list'), 'utf8');
  const loaded = list.split('\n').map((entry) => entry.replace(/^NativeModule /, ''));
  expect(loaded).toContain('path');
  for (const name of late) expect(loaded).not.toContain(name);
});

describe('the npm package', () => {
  test('has the commands, the library and its types, and needs no other package', () => {
    const [{ files }] = JSON.parse(
      runIn(TOP, 'npm', 'pack', '--dry-run', '--json', '--ignore-scripts'),
    ) as [{ files: { path: string }[] }];
    const paths = files.map(({ path }) => path);
    const manifest = JSON.parse(readFileSync(join(TOP, 'package.json'), 'utf8')) as {
      bin: Record<string, string>;
      dependencies?: unknown;
    };
    expect(paths).toEqual(expect.arrayContaining(Object.values(manifest.bin)));
    expect(paths).toContain('dist/bundle/index.js');
    expect(paths).toContain('dist/src/index.d.ts');
    expect(paths).toContain('dist/bundle/LICENSES.txt');
    expect(paths).toContain('dist/man/kexport.1');
    expect(paths.filter((path) => /kexport\.mjs$|\/(bench|test)\//.test(path))).toEqual([]);
    expect(manifest.dependencies).toBeUndefined();
  });

  test('is installed without a compiler, and without a registry', () => {
    const folder = temporaryFolder();
    runIn(TOP, 'npm', 'pack', '--ignore-scripts', '--pack-destination', folder);
    const [archive = ''] = readdirSync(folder);
    runIn(folder, 'npm', 'install', '--offline', '-g', '--prefix', folder, join(folder, archive));
    expect(run(join(folder, 'bin', 'kexport'), '--version')).toBe(kexport(['--version']).stdout);
    expect(run(join(folder, 'bin', 'ksnap'), '--help')).toMatch(/^Usage: ksnap WHAT/);
    expect(readdirSync(join(folder, 'share', 'man', 'man8'))).toEqual(['ksnap.8']);
  });

  test('a clone without compilers is installed, unbuilt', () => {
    const folder = temporaryFolder();
    const { status, stderr } = spawnSync(process.execPath, [join(TOP, 'packaging/prepare.js')], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect(status).toBe(0);
    expect(stderr).toMatch(/^kexport is not built: typescript.* not installed/);
  });
});
