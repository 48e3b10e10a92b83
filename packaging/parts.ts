// Puts a program that esbuild has split at its dynamic imports into scripts of CommonJS: one of
// what every run needs, and parts that are loaded when they are first asked for. V8 reads through
// all code that it is given: docs/install.md has the figures.

import { type Metafile, transform } from 'esbuild';
import { basename } from 'node:path';

/** What esbuild has made with `splitting`, in one folder. */
export interface SplitProgram {
  readonly metafile: Metafile;
  readonly outputFiles: readonly { readonly path: string; readonly text: string }[];
}

/** A program in parts. */
export interface Parts {
  /** The name of the module that the program begins with. */
  readonly entry: string;
  /** An object of what `entry` imports: functions by the names of modules. */
  readonly first: string;
  /** Each the names of its modules, and such an object. */
  readonly others: readonly (readonly [names: readonly string[], object: string])[];
}

/**
 * Divides a program. `entry` is the entry point, as esbuild was given it. What one of `commands`
 * imports, modules that are imported dynamically, is one part; all else is a part for each module.
 */
export async function partsOf(
  { metafile, outputFiles }: SplitProgram,
  entry: string,
  commands: readonly string[],
): Promise<Parts> {
  const functions = new Map<string, string>();
  for (const { path, text } of outputFiles) functions.set(basename(path), await functionOf(text));
  const taken = new Set<string>();
  const take = (names: readonly string[]) => {
    const fresh = names.filter((name) => !taken.has(name));
    for (const name of fresh) taken.add(name);
    return fresh;
  };
  const objectOf = (names: readonly string[]) =>
    `{${names.map((name) => `${JSON.stringify(name)}:${functions.get(name) ?? ''}`).join(',\n')}}`;
  const first = take(importedBy(metafile, nameOf(metafile, entry)));
  const groups = commands.map((file) => take(importedBy(metafile, nameOf(metafile, file))));
  const alone = [...functions.keys()].sort().flatMap((name) => take([name]).map((one) => [one]));
  return {
    entry: nameOf(metafile, entry),
    first: objectOf(first),
    others: [...groups, ...alone].map((names) => [names, objectOf(names)]),
  };
}

/** The whole program as one script. The parts are texts in it, since V8 does not read those. */
export function oneScript(parts: Parts): string {
  const texts = JSON.stringify(parts.others.map(([names, object]) => [names, `(${object})`]));
  const open = `(name)=>require('node:vm').runInThisContext(
texts.find(([names])=>names.includes(name))[1],{filename:'kexport/'+name})`;
  return `"use strict";const texts=${texts};\n${start(parts, open)}`;
}

/** The program as a script that loads the parts, as {@link partScripts} makes them, from a folder. */
export function scriptWithParts(parts: Parts, folder: string): string {
  const places = parts.others.flatMap(([names]) =>
    names.map((name) => [name, folder + fileOf(names)] as const),
  );
  const open = `(name)=>require(${JSON.stringify(Object.fromEntries(places))}[name])`;
  return `"use strict";${start(parts, open)}`;
}

/** The parts as modules of CommonJS, by the names of their files. */
export function partScripts({ others }: Parts): (readonly [file: string, script: string])[] {
  return others.map(([names, object]) => [
    fileOf(names),
    `"use strict";module.exports=${object};\n`,
  ]);
}

function fileOf([first = '']: readonly string[]): string {
  return first.replace(/\.js$/, '.cjs');
}

function start({ first, entry }: Parts, open: string): string {
  return `(${String(runParts)})(require,${first},${open},'${entry}');\n`;
}

type Part = (require: (name: string) => unknown, module: object, exports: object) => void;

/** Is in the scripts, and so refers to nothing outside itself. */
function runParts(
  require: (name: string) => unknown,
  parts: Record<string, Part>,
  open: (name: string) => Record<string, Part>,
  entry: string,
): void {
  const loaded: Record<string, { exports: object }> = {};
  const load = (path: string): unknown => {
    if (!path.startsWith('./')) return require(path);
    const name = path.slice(2);
    const known = loaded[name];
    if (known) return known.exports;
    if (!parts[name]) Object.assign(parts, open(name));
    const module = (loaded[name] = { exports: {} });
    parts[name]?.(load, module, module.exports);
    return module.exports;
  };
  load(`./${entry}`);
}

/** A module as a function of CommonJS. */
async function functionOf(module: string): Promise<string> {
  const { code } = await transform(module.replace(/^#!.*\n/, ''), {
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    minifyWhitespace: true,
    minifySyntax: true,
    supported: { 'dynamic-import': false }, // it would look for a file
  });
  return `(function(require,module,exports){${code}\n})`; // in brackets, V8 reads it only once
}

/** The file that esbuild has made of an entry point or of a module that is imported dynamically. */
function nameOf({ outputs }: Metafile, file: string): string {
  for (const [path, { entryPoint }] of Object.entries(outputs)) {
    if (entryPoint === file) return basename(path);
  }
  throw new Error(`${file} is in no file of the bundle`);
}

/** That file and all that it imports when it is loaded. */
function importedBy({ outputs }: Metafile, name: string): string[] {
  const imports = new Map(
    Object.entries(outputs).map(([path, output]) => [basename(path), output.imports]),
  );
  const found = new Set([name]);
  for (const next of found) {
    for (const { path, kind } of imports.get(next) ?? []) {
      if (kind === 'import-statement' && imports.has(basename(path))) found.add(basename(path));
    }
  }
  return [...found];
}
