// npm run release -- VERSION: everything that is published of a version, into dist/release:
//
//   kexport-VERSION.tgz           the npm package
//   kexport.mjs                   one file for any Node
//   kexport-linux-x64 -arm64      the executables
//   *.deb *.rpm                   packages of them
//   LICENSES.txt                  of what is inside those
//   kexport-VERSION.cdx.json      the same as an SBOM
//   CHANGES.md                    what the changelog says of the version
//   SHA256SUMS
//
// The same commit makes the same bytes, with the same versions of Node, npm, dpkg and rpm.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { changesOf } from './changes-of.ts';

const TOP = join(import.meta.dirname, '..', '..');
const DIST = join(TOP, 'dist');
const OUT = join(DIST, 'release');

const [version = ''] = process.argv.slice(2);
const changes = await changesOrRefuse();
await rm(OUT, { recursive: true, force: true });
await mkdir(OUT, { recursive: true });
npm('run', 'executable');
npm('run', 'packages');
npm('pack', '--ignore-scripts', '--pack-destination', OUT);
await copyFiles();
await writeFile(join(OUT, 'CHANGES.md'), `${changes}\n`);
await writeFile(join(OUT, 'SHA256SUMS'), await sums());
process.stdout.write(
  `${OUT}\n${await readFile(join(OUT, 'SHA256SUMS'), 'utf8')}made with ${tools()}\n`,
);

/** Says what the version changes. Ends the program if this is not that version. */
async function changesOrRefuse(): Promise<string> {
  const { version: ours } = JSON.parse(await readFile(join(TOP, 'package.json'), 'utf8')) as {
    version: string;
  };
  if (version !== ours) refuse(`package.json has version ${ours}, not "${version}"`);
  const found = changesOf(await readFile(join(TOP, 'CHANGELOG.md'), 'utf8'), version);
  if (found === undefined) refuse(`CHANGELOG.md has no section "## [${version}] - DATE"`);
  const others = execFileSync('git', ['status', '--porcelain'], { cwd: TOP, encoding: 'utf8' });
  if (others !== '') refuse(`not all is committed:\n${others.trimEnd()}`);
  return found;
}

function refuse(reason: string): never {
  process.stderr.write(`release: ${reason}\n`);
  process.exit(1);
}

function npm(...words: string[]): void {
  execFileSync('npm', words, { cwd: TOP, stdio: ['ignore', 'ignore', 'inherit'] });
}

async function copyFiles(): Promise<void> {
  const folders = ['executable', 'packages'].map((name) => join(DIST, name));
  for (const folder of folders) {
    for (const name of await readdir(folder)) await copyFile(join(folder, name), join(OUT, name));
  }
  await copyFile(join(DIST, 'bundle', 'kexport.mjs'), join(OUT, 'kexport.mjs'));
  await copyFile(join(DIST, 'sbom.cdx.json'), join(OUT, `kexport-${version}.cdx.json`));
}

async function sums(): Promise<string> {
  const lines = (await readdir(OUT)).sort().map(async (name) => {
    const hash = createHash('sha256').update(await readFile(join(OUT, name)));
    return `${hash.digest('hex')}  ${name}\n`;
  });
  return (await Promise.all(lines)).join('');
}

/** Other versions of these may make other bytes. */
function tools(): string {
  const versions = ['npm', 'dpkg-deb', 'rpmbuild'].map((program) => {
    const answer = execFileSync(program, ['--version'], { encoding: 'utf8' });
    return `${program} ${/\d+\.\d\S*/.exec(answer)?.[0] ?? ''}`;
  });
  return [`Node ${process.version}`, ...versions].join(', ');
}
