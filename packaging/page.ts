// npm run page, a part of each build: the page that converts disk images in a browser, into
//
//   dist/page/          a folder for any web server: index.html, page.js, style.css and so on
//   dist/kexport.html   the same as one file
//
// All that runs is inside: page.js has the worker that reads and writes, and that has the workers
// that compress, each as a text. A worker that is started from a text is bound by the policy of the
// page, which allows no connection.

import { build, type Metafile } from 'esbuild';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { InsideFiles } from '../src/runtime/own-files-inside.ts';
import { BROWSER, INSIDE } from './browser.ts';
import { licensesOf, bundledPackages } from './licenses.ts';

const TOP = join(import.meta.dirname, '..', '..');
const DIST = join(TOP, 'dist');
const OUT = join(DIST, 'page');
const SOURCE = join(TOP, 'src', 'page');

const metafiles: Metafile[] = [];
const { version } = JSON.parse(await readFile(join(TOP, 'package.json'), 'utf8')) as {
  version: string;
};

await rm(OUT, { recursive: true, force: true });
await mkdir(OUT, { recursive: true });
const page = await pageScript();
const style = await readFile(join(SOURCE, 'style.css'), 'utf8');
const html = await readFile(join(SOURCE, 'index.html'), 'utf8');
await writeFolder();
await writeFile(join(DIST, 'kexport.html'), oneFile());
await writeFile(join(DIST, 'page-meta.json'), JSON.stringify(metafiles));

/** The script of the page, with its worker inside. */
async function pageScript(): Promise<string> {
  const wasm = {
    deflate: await readFile(join(DIST, 'src/compress/deflate/deflate.wasm'), 'base64'),
    'zfs-send': await readFile(join(DIST, 'src/zfs-send/zfs-send.wasm'), 'base64'),
  };
  const none = { compress: '', decompress: '', hash: '' };
  const inWorkers: InsideFiles = { version, wasm, workers: none };
  const workers = {
    compress: await scriptOf('dist/src/compress/worker.js', { KEXPORT_FILES: inWorkers }),
    decompress: await scriptOf('dist/src/decompress/worker.js', { KEXPORT_FILES: inWorkers }),
    hash: await scriptOf('dist/src/hash/worker.js', { KEXPORT_FILES: inWorkers }),
  };
  const files: InsideFiles = { version, wasm, workers };
  const worker = await scriptOf('src/page/worker.ts', { KEXPORT_FILES: files });
  // The page itself needs no WebAssembly and starts no other worker.
  const own: InsideFiles = { version, wasm: { deflate: '', 'zfs-send': '' }, workers: none };
  return scriptOf('src/page/main.ts', { KEXPORT_FILES: own, KEXPORT_PAGE: { version, worker } });
}

/** A file and all that it imports, as one script. */
async function scriptOf(
  entryPoint: string,
  constants: Readonly<Record<string, unknown>>,
): Promise<string> {
  const { outputFiles, metafile } = await build({
    ...BROWSER,
    plugins: [INSIDE, ...BROWSER.plugins],
    absWorkingDir: TOP,
    bundle: true,
    minify: true,
    legalComments: 'none',
    logLevel: 'warning',
    metafile: true,
    define: Object.fromEntries(
      Object.entries(constants).map(([name, value]) => [name, JSON.stringify(value)]),
    ),
    entryPoints: [entryPoint],
    format: 'iife',
    write: false,
  });
  metafiles.push(metafile);
  return outputFiles.map(({ text }) => text).join('');
}

async function writeFolder(): Promise<void> {
  const files = {
    'index.html': filled(
      policy({ script: "'self'", style: "'self'", rest: "manifest-src 'self'" }),
      {
        head: [
          '<link rel="stylesheet" href="style.css" />',
          '<link rel="manifest" href="manifest.webmanifest" />',
          '<link rel="icon" href="icon.svg" type="image/svg+xml" />',
        ].join('\n    '),
        script: '<script src="page.js"></script>',
      },
    ),
    'page.js': page,
    'style.css': style,
    'manifest.webmanifest': await readFile(join(SOURCE, 'manifest.webmanifest'), 'utf8'),
    'icon.svg': await readFile(join(SOURCE, 'icon.svg'), 'utf8'),
    'LICENSES.txt': licensesOf(await bundledPackages(TOP, metafiles)),
  };
  const shell = {
    version: hashOf(Object.values(files).join('')),
    files: ['./', ...Object.keys(files)],
  };
  const worker = await scriptOf('src/page/service-worker.ts', { KEXPORT_SHELL: shell });
  for (const [name, text] of Object.entries({ ...files, 'service-worker.js': worker })) {
    await writeFile(join(OUT, name), text);
  }
}

function oneFile(): string {
  const script = `'sha256-${hashOf(page)}'`;
  const head = `<link rel="icon" href="data:," />\n    <style>${style}</style>`;
  return filled(policy({ script, style: `'sha256-${hashOf(style)}'`, rest: '' }), {
    head,
    script: `<script>${page}</script>`,
  });
}

/** What the page may do: run what it came with, and nothing else, nor connect to anything. */
function policy({ script, style: styles, rest }: Record<'script' | 'style' | 'rest', string>) {
  return [
    "default-src 'none'",
    `script-src ${script} 'wasm-unsafe-eval'`,
    `style-src ${styles}`,
    'worker-src blob:' + (rest === '' ? '' : " 'self'"),
    "img-src 'self' data:",
    ...(rest === '' ? [] : [rest]),
    "connect-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
}

function filled(text: string, parts: { readonly head: string; readonly script: string }): string {
  return html
    .replace('{{policy}}', () => text)
    .replace('{{head}}', () => parts.head)
    .replace('{{script}}', () => parts.script);
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}
