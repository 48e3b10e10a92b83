// npm run packages [-- ARCH...] [--level N]: packages for Debian and for RPM, of the executables that
// are built, into dist/packages.

import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeDeb } from './linux/deb.ts';
import { builtProduct } from './linux/product.ts';
import { makeRpm } from './linux/rpm.ts';
import { architecturesOf } from './node-builds.ts';
import { sourceDate } from './source-date.ts';

const TOP = join(import.meta.dirname, '..', '..');
const folder = join(TOP, 'dist', 'packages');

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { level: { type: 'string', default: '6' } },
});
await rm(folder, { recursive: true, force: true });
await mkdir(folder, { recursive: true });
for (const arch of architecturesOf(positionals)) {
  const product = await builtProduct(TOP, arch, sourceDate(TOP));
  for (const make of [makeDeb, makeRpm]) {
    const work = await mkdtemp(join(tmpdir(), 'kexport-package-'));
    try {
      console.log(await make(product, { work, folder, level: Number(values.level) }));
    } finally {
      await rm(work, { recursive: true });
    }
  }
}
