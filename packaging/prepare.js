// npm runs this after an installation in a clone, and before it packs: a build, if what it needs
// is there. A clone whose owner leaves the compilers out (npm ci --omit=dev) installs all the same.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import process from 'node:process';

const missing = ['typescript', 'assemblyscript', 'esbuild'].filter(
  (name) => !existsSync(`node_modules/${name}`),
);
if (missing.length > 0) {
  const what = missing.join(', ');
  process.stderr.write(`kexport is not built: ${what} not installed (npm ci --include=dev)\n`);
} else {
  const npm = process.env['npm_execpath'] ?? 'npm';
  const build = ['run', 'build'];
  const { status } = npm.endsWith('js')
    ? spawnSync(process.execPath, [npm, ...build], { stdio: 'inherit' })
    : spawnSync(npm, build, { stdio: 'inherit' });
  process.exitCode = status ?? 1;
}
