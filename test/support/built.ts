// The one file that names dist/. Tests of the library import `kexport`, which is built as well.

import { join } from 'node:path';
import { TOP } from './project.ts';

/** The built file of a source, such as `examples/own-source.ts`. */
export function built(source: string): string {
  return join(TOP, 'dist', source.replace(/\.ts$/, '.js'));
}

/** A file of the bundle that users run, such as `kexport.cjs`. */
export function bundled(name: string): string {
  return join(TOP, 'dist', 'bundle', name);
}

/** Imports the built file of a source whose worker or WebAssembly is found only beside it. */
export async function importBuilt<Module>(source: string): Promise<Module> {
  return (await import(built(source))) as Module;
}

/** The folder of the manual pages. */
export const MANUAL = join(TOP, 'dist', 'man');

/** The file that lists what is inside. */
export const SBOM = join(TOP, 'dist', 'sbom.cdx.json');

/** The page for browsers: a folder for a web server. */
export const PAGE = join(TOP, 'dist', 'page');

/** The same as one file. */
export const PAGE_FILE = join(TOP, 'dist', 'kexport.html');

/** What esbuild says is in the library for browsers, and in the page: a metafile of each script. */
export const BROWSER_META = join(TOP, 'dist', 'browser-meta.json');
export const PAGE_META = join(TOP, 'dist', 'page-meta.json');
