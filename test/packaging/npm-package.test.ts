import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sharedFolder, temporaryFolder } from '../support/folder.ts';
import { kexport } from '../support/kexport.ts';
import { run, runIn } from '../support/peers.ts';
import { TOP } from '../support/project.ts';

/** The package, as npm publishes it. */
const folder = sharedFolder();
runIn(TOP, 'npm', 'pack', '--ignore-scripts', '--pack-destination', folder);
const [name = ''] = readdirSync(folder);
const archive = join(folder, name);
runIn(folder, 'tar', '-xf', archive);
const unpacked = join(folder, 'package');

const paths = readdirSync(unpacked, { recursive: true, encoding: 'utf8' });
const manifest = JSON.parse(readFileSync(join(unpacked, 'package.json'), 'utf8')) as {
  bin: Record<string, string>;
  dependencies?: unknown;
};

/** A program of a package that is installed for development. */
function developed(program: string): string {
  return join(TOP, 'node_modules', '.bin', program);
}

describe('the npm package', () => {
  test('has the commands, the library and its types, and needs no other package', () => {
    expect(paths).toEqual(expect.arrayContaining(Object.values(manifest.bin)));
    expect(paths).toContain('dist/bundle/index.js');
    expect(paths).toContain('dist/src/index.d.ts');
    expect(paths).toContain('dist/bundle/LICENSES.txt');
    expect(paths.filter((path) => /kexport\.mjs$|(^|\/)(bench|test|cli)\//.test(path))).toEqual([]);
    expect(manifest.dependencies).toBeUndefined();
  });

  test('has the source of each of its types, where an editor looks for it', () => {
    const maps = paths.filter((path) => path.endsWith('.d.ts.map'));
    expect(maps.length).toBeGreaterThan(100);
    for (const path of maps) {
      const map = readFileSync(join(unpacked, path), 'utf8');
      const { sources } = JSON.parse(map) as { sources: string[] };
      for (const source of sources)
        expect(existsSync(join(unpacked, dirname(path), source)), source).toBe(true);
    }
  });

  test('pleases publint, and attw as a package of modules', () => {
    expect(run(developed('publint'), archive, '--strict')).toContain('All good!');
    run(developed('attw'), archive, '--profile', 'esm-only');
  });

  test.skipIf(!('require_module' in process.features))('is required by CommonJS too', () => {
    const user = temporaryFolder();
    mkdirSync(join(user, 'node_modules'));
    symlinkSync(unpacked, join(user, 'node_modules', 'kexport'));
    const code =
      "console.log(typeof require('kexport').encode, typeof require('kexport/formats').FORMATS)";
    expect(runIn(user, process.execPath, '-e', code)).toBe('function object\n');
  });

  test('is installed without a compiler, and without a registry', () => {
    const prefix = temporaryFolder();
    runIn(prefix, 'npm', 'install', '--offline', '-g', '--prefix', prefix, archive);
    expect(run(join(prefix, 'bin', 'kexport'), '--version')).toBe(kexport(['--version']).stdout);
    expect(run(join(prefix, 'bin', 'ksnap'), '--help')).toMatch(/^Usage: ksnap WHAT/);
    expect(readdirSync(join(prefix, 'share', 'man', 'man8'))).toEqual(['ksnap.8']);
  });

  test('a clone without compilers is installed, unbuilt', () => {
    const { status, stderr } = spawnSync(process.execPath, [join(TOP, 'packaging/prepare.js')], {
      cwd: temporaryFolder(),
      encoding: 'utf8',
    });
    expect(status).toBe(0);
    expect(stderr).toMatch(/^kexport is not built: typescript.* not installed/);
  });
});
