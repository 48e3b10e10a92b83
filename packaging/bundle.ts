// npm run bundle, at the end of each build: what tsc and asc have put into dist/, as the files that
// users run, into dist/bundle:
//
//   kexport.cjs ksnap.cjs parts/      the commands of the npm package
//   kexport.mjs kexport-alone.cjs     the same as one file, to be copied anywhere, and for executables
//   index.js formats.js chunks/       the library
//   browser/                          the library for browsers, and its workers
//   LICENSES.txt                      of the packages that are inside
//
// and what those packages are, as dist/sbom.cdx.json.
//
// Workers and WebAssembly are inside all of them. CommonJS starts some milliseconds earlier than a
// module, and loads of Node only what it needs. Names are kept, for the traces of bugs.

import { build, type BuildOptions, type Metafile, type Plugin } from 'esbuild';
import { isBuiltin } from 'node:module';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import type { InsideFiles } from '../src/runtime/own-files-inside.ts';
import { BROWSER, INSIDE, NO_YAML } from './browser.ts';
import { bundledPackages, licensesOf } from './licenses.ts';
import { oneScript, partScripts, partsOf, scriptWithParts } from './parts.ts';
import { sbomOf } from './sbom.ts';
import { sourceDate } from './source-date.ts';

const TOP = join(import.meta.dirname, '..', '..');
const DIST = join(TOP, 'dist');
const OUT = join(DIST, 'bundle');

const COMMON = {
  absWorkingDir: TOP,
  bundle: true,
  platform: 'node',
  target: 'node20',
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: 'none', // LICENSES.txt has them
  logLevel: 'warning',
  metafile: true,
} as const satisfies BuildOptions;

/** CommonJS inside a module cannot `require` what Node has; an import can. */
const BUILTINS: Plugin = {
  name: 'builtins',
  setup(bundle) {
    bundle.onResolve({ filter: /^[\w/:]+$/ }, ({ path, kind }) => {
      if (kind !== 'require-call' || !isBuiltin(path)) return undefined;
      return { path, namespace: 'builtin' };
    });
    bundle.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `export * from '${path}'; export { default } from '${path}';`,
    }));
  },
};

type Adjustments = Pick<BuildOptions, 'define' | 'plugins'>;

const HASHBANG = '#!/usr/bin/env node\n';

/** Makes a script of CommonJS a module. */
const AS_MODULE = "import{createRequire}from'node:module';const require=createRequire('/');\n";

const COMMAND = 'dist/src/cli/main.js';
/** What most runs of it are. */
const EXPORT = 'dist/src/cli/commands/export.js';

const OWN_FILES: Plugin = {
  name: 'own files',
  setup(bundle) {
    bundle.onResolve({ filter: /\/own-files\.js$/ }, ({ path, importer }) => ({
      path: join(dirname(importer), dirname(path), 'own-files-inside.js'),
    }));
  },
};

await rm(OUT, { recursive: true, force: true });
await mkdir(OUT, { recursive: true });
const contents: Metafile[] = [];
const files = await insideFiles();
await Promise.all([buildCommand(files), buildLibrary(files), buildForBrowsers(files)]);
const packages = await bundledPackages(TOP, contents);
await writeFile(join(OUT, 'LICENSES.txt'), licensesOf(packages));
await writeFile(join(DIST, 'sbom.cdx.json'), sbomOf(files.version, sourceDate(TOP), packages));

async function insideFiles(): Promise<InsideFiles> {
  const { version } = JSON.parse(await readFile(join(TOP, 'package.json'), 'utf8')) as {
    version: string;
  };
  const wasm = {
    deflate: await readFile(join(DIST, 'src/compress/deflate/deflate.wasm'), 'base64'),
    'zfs-send': await readFile(join(DIST, 'src/zfs-send/zfs-send.wasm'), 'base64'),
  };
  const inWorkers = inside({ version, wasm, workers: { compress: '', decompress: '', hash: '' } });
  const [compress, decompress, hash] = await Promise.all([
    scriptOf('dist/src/compress/worker.js', inWorkers),
    scriptOf('dist/src/decompress/worker.js', inWorkers),
    scriptOf('dist/src/hash/worker.js', inWorkers),
  ]);
  return { version, wasm, workers: { compress, decompress, hash } };
}

/** A file and all that it imports, as one script. */
async function scriptOf(entryPoint: string, options: Adjustments): Promise<string> {
  const { outputFiles, metafile } = await build({
    ...COMMON,
    ...options,
    entryPoints: [entryPoint],
    format: 'cjs',
    write: false,
  });
  contents.push(metafile);
  return outputFiles.map(({ text }) => text).join('');
}

async function buildCommand(files: InsideFiles): Promise<void> {
  const program = await build({
    ...COMMON,
    ...inside(files, await packedPage()),
    entryPoints: [COMMAND],
    format: 'esm',
    splitting: true,
    outdir: OUT,
    write: false,
  });
  contents.push(program.metafile);
  const parts = await partsOf(program, COMMAND, [EXPORT]);
  const alone = oneScript(parts);
  const executable = { mode: 0o755 };
  await mkdir(join(OUT, 'parts'));
  for (const [name, script] of partScripts(parts)) {
    await writeFile(join(OUT, 'parts', name), script);
  }
  await writeFile(
    join(OUT, 'kexport.cjs'),
    HASHBANG + scriptWithParts(parts, './parts/'),
    executable,
  );
  await writeFile(join(OUT, 'ksnap.cjs'), `${HASHBANG}require('./kexport.cjs');\n`, executable);
  await writeFile(join(OUT, 'kexport.mjs'), HASHBANG + AS_MODULE + alone, executable);
  await writeFile(join(OUT, 'kexport-alone.cjs'), HASHBANG + alone, executable);
}

async function packedPage(): Promise<string> {
  return brotliCompressSync(await readFile(join(DIST, 'kexport.html'))).toString('base64');
}

async function buildLibrary(files: InsideFiles): Promise<void> {
  const { define, plugins } = inside(files);
  const { metafile } = await build({
    ...COMMON,
    lineLimit: 120, // Node shows the line of an error that nobody catches
    define,
    plugins: [...plugins, BUILTINS],
    entryPoints: { index: 'dist/src/index.js', formats: 'dist/formats/index.js' },
    format: 'esm',
    splitting: true, // an error of the formats is of the same class in both
    chunkNames: 'chunks/[hash]',
    outdir: OUT,
  });
  contents.push(metafile);
}

async function buildForBrowsers({ version, wasm }: InsideFiles): Promise<void> {
  const workers = { compress: '', decompress: '', hash: '' }; // they are files of their own
  const options = {
    ...COMMON,
    ...BROWSER,
    define: { KEXPORT_FILES: JSON.stringify({ version, wasm, workers } satisfies InsideFiles) },
    format: 'esm',
    outdir: join(OUT, 'browser'),
  } as const;
  // A worker starts no worker. Vite refuses one that names another, which names it.
  const ofWorkers = await build({
    ...options,
    plugins: [...BROWSER.plugins, INSIDE],
    entryPoints: {
      'compress-worker': 'dist/src/compress/worker.js',
      'decompress-worker': 'dist/src/decompress/worker.js',
      'hash-worker': 'dist/src/hash/worker.js',
    },
  });
  const { metafile } = await build({
    ...options,
    plugins: [...BROWSER.plugins],
    entryPoints: { index: 'dist/src/browser.js', formats: 'dist/formats/index.js' },
    splitting: true,
    chunkNames: 'chunk-[hash]', // beside the workers, which they name
  });
  contents.push(ofWorkers.metafile, metafile);
  await writeFile(join(DIST, 'browser-meta.json'), JSON.stringify([ofWorkers.metafile, metafile]));
}

/** Has a bundle find its files in itself. */
function inside(files: InsideFiles, page = '') {
  return {
    define: { KEXPORT_FILES: JSON.stringify(files), KEXPORT_PAGE: JSON.stringify(page) },
    plugins: [OWN_FILES, NO_YAML],
  };
}
