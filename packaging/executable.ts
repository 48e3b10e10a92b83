// npm run executable [-- ARCH...]: dist/executable/kexport-linux-x64 and -arm64, kexport and the
// Node that runs it in one file ("single executable application" in Node's manual). docs/install.md
// says why by Node 24.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'postject';

const NODE = '24.21.0';

/** The packages that have Node's own builds, as npm would write them into a lock file. */
const BUILDS = {
  x64: 'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  arm64:
    'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
} as const;

/** The architectures that there are executables for, as Node calls them. */
export const ARCHITECTURES = Object.keys(BUILDS) as Architecture[];

export type Architecture = keyof typeof BUILDS;

/** Node's mark in its builds, which says whether something is inside. */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

const DIST = join(import.meta.dirname, '..');
const OUT = join(DIST, 'executable');

const asked = process.argv.slice(2);
const architectures = ARCHITECTURES.filter((arch) => asked.length === 0 || asked.includes(arch));
if (architectures.length < asked.length) {
  throw new Error(`there are executables for ${ARCHITECTURES.join(' and ')}`);
}
const work = await mkdtemp(join(tmpdir(), 'kexport-executable-'));
try {
  await mkdir(OUT, { recursive: true });
  const blob = await readFile(await blobOf(join(DIST, 'bundle', 'kexport.cjs')));
  for (const arch of architectures) await makeExecutable(arch, blob);
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
  const title = `The executable has Node ${NODE} inside.\n\n`;
  await writeFile(join(OUT, 'LICENSES.txt'), `${own}\n${'-'.repeat(72)}\n\n${title}${licenses}`);
}

/** What is put into a build of Node: the same for all, as it has no code of a processor. */
async function blobOf(script: string): Promise<string> {
  const [config, output] = [join(work, 'config.json'), join(work, 'blob')];
  const settings = {
    main: script,
    output,
    disableExperimentalSEAWarning: true,
    useCodeCache: false, // its bytes are those of one build on one machine
    execArgvExtension: 'none', // NODE_OPTIONS is not meant for it
  };
  await writeFile(config, JSON.stringify(settings));
  const arch = ARCHITECTURES.find((one) => one === process.arch);
  if (!arch) throw new Error(`no build of Node runs here: ${process.arch}`);
  run(join(unpackNode(arch), 'bin', 'node'), '--experimental-sea-config', config);
  return output;
}

/** Node's own build for an architecture, from the npm registry; returns its folder. */
function unpackNode(arch: Architecture): string {
  const folder = join(work, arch);
  if (existsSync(folder)) return folder;
  const answer = run('npm', 'pack', `node-linux-${arch}@${NODE}`, '--json', '--silent');
  const [{ filename, integrity }] = JSON.parse(answer) as [{ filename: string; integrity: string }];
  if (integrity !== BUILDS[arch]) throw new Error(`${filename} is another: ${integrity}`);
  run('mkdir', folder);
  run('tar', '-xzf', join(work, filename), '-C', folder, '--strip-components=1');
  return folder;
}

function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { cwd: work, encoding: 'utf8' });
}
