// npm run executable [-- ARCH...]: dist/executable/kexport-linux-x64 and -arm64, kexport and the
// Node that runs it in one file ("single executable application" in Node's manual). docs/install.md
// says why by Node 24.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'postject';
import {
  type Architecture,
  ARCHITECTURES,
  architecturesOf,
  NODE_BUILDS,
  NODE_VERSION,
} from './node-builds.ts';

/** Node's mark in its builds, which says whether something is inside. */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

const DIST = join(import.meta.dirname, '..');
const OUT = join(DIST, 'executable');

const work = await mkdtemp(join(tmpdir(), 'kexport-executable-'));
try {
  await mkdir(OUT, { recursive: true });
  const blob = await readFile(await makeBlob());
  for (const arch of architecturesOf(process.argv.slice(2))) await makeExecutable(arch, blob);
} finally {
  await rm(work, { recursive: true });
}

async function makeExecutable(arch: Architecture, blob: Buffer): Promise<void> {
  const path = join(OUT, `kexport-linux-${arch}`);
  const node = unpackNode(arch);
  await copyFile(join(node, 'bin', 'node'), path);
  await inject(path, 'NODE_SEA_BLOB', blob, { sentinelFuse: FUSE });
  await chmod(path, 0o755);
  const own = await readFile(join(DIST, 'bundle', 'LICENSES.txt'), 'utf8');
  const licenses = await readFile(join(node, 'LICENSE'), 'utf8');
  const title = `The executable has Node ${NODE_VERSION} inside.\n\n`;
  await writeFile(join(OUT, 'LICENSES.txt'), `${own}\n${'-'.repeat(72)}\n\n${title}${licenses}`);
}

/** What is put into a build of Node: the same for all, as it has no code of a processor. */
async function makeBlob(): Promise<string> {
  const [main, output] = ['kexport-alone.cjs', 'blob']; // the blob has this path in it
  await copyFile(join(DIST, 'bundle', main), join(work, main));
  const settings = {
    main,
    output,
    disableExperimentalSEAWarning: true,
    useCodeCache: false, // its bytes are those of one build on one machine
    execArgvExtension: 'none', // NODE_OPTIONS is not meant for it
  };
  await writeFile(join(work, 'config.json'), JSON.stringify(settings));
  const arch = ARCHITECTURES.find((one) => one === process.arch);
  if (!arch) throw new Error(`no build of Node runs here: ${process.arch}`);
  run(join(unpackNode(arch), 'bin', 'node'), '--experimental-sea-config', 'config.json');
  return join(work, output);
}

/** Node's own build for an architecture, from the npm registry; returns its folder. */
function unpackNode(arch: Architecture): string {
  const folder = join(work, arch);
  if (existsSync(folder)) return folder;
  const answer = run('npm', 'pack', `node-linux-${arch}@${NODE_VERSION}`, '--json', '--silent');
  const [{ filename, integrity }] = JSON.parse(answer) as [{ filename: string; integrity: string }];
  if (integrity !== NODE_BUILDS[arch]) throw new Error(`${filename} is another: ${integrity}`);
  run('mkdir', folder);
  run('tar', '-xzf', join(work, filename), '-C', folder, '--strip-components=1');
  return folder;
}

function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { cwd: work, encoding: 'utf8' });
}
