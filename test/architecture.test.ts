import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Metafile } from 'esbuild';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { BROWSER_META, PAGE_META } from './support/built.ts';
import { TOP } from './support/project.ts';

/**
 * Which rooms of `src/` a room may import, types too. All may import `formats/`.
 * docs/architecture.md draws this table.
 */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  'index.ts': [
    'library.ts',
    'export',
    'open',
    'images',
    'zfs',
    'live',
    'zfs-send',
    'byte-streams',
    'sinks',
    'host',
  ],
  'browser.ts': ['library.ts', 'open', 'images', 'byte-streams', 'remote', 'sinks', 'runtime'],
  'library.ts': [
    'export',
    'open',
    'images',
    'zfs-send',
    'inspect',
    'sources',
    'byte-streams',
    'sinks',
    'compress',
    'host',
    'errors.ts',
  ],
  page: [
    'cli',
    'export',
    'hash',
    'open',
    'images',
    'sources',
    'remote',
    'sinks',
    'inspect',
    'runtime',
    'errors.ts',
  ],
  cli: [
    'export',
    'open',
    'images',
    'zfs',
    'lvm',
    'live',
    'zfs-send',
    'sources',
    'sinks',
    'remote',
    'compress',
    'hash',
    'inspect',
    'host',
    'runtime',
    'errors.ts',
  ],
  export: [
    'images',
    'zfs-send',
    'sources',
    'byte-streams',
    'sinks',
    'compress',
    'hash',
    'workers',
    'host',
    'runtime',
    'errors.ts',
  ],
  open: [
    'images',
    'remote',
    'zfs',
    'lvm',
    'zfs-send',
    'sources',
    'byte-streams',
    'inspect',
    'workers',
    'host',
    'partitions',
    'runtime',
    'errors.ts',
  ],
  images: ['sources', 'remote', 'decompress', 'inspect', 'workers', 'host', 'runtime', 'errors.ts'],
  zfs: [
    'live',
    'zfs-send',
    'sources',
    'byte-streams',
    'inspect',
    'host',
    'partitions',
    'runtime',
    'errors.ts',
  ],
  lvm: ['live', 'sources', 'host', 'partitions', 'errors.ts'],
  live: ['inspect', 'sources', 'workers', 'host', 'partitions', 'runtime', 'errors.ts'],
  'zfs-send': ['sources', 'byte-streams', 'decompress', 'workers', 'host', 'errors.ts'],
  inspect: ['sources', 'partitions', 'runtime', 'errors.ts'],
  sources: ['byte-streams', 'workers', 'host', 'partitions', 'runtime', 'errors.ts'],
  'byte-streams': ['host', 'runtime', 'errors.ts'],
  remote: ['sinks', 'host', 'errors.ts'],
  sinks: ['hash', 'workers', 'host', 'runtime', 'errors.ts'],
  decompress: ['workers', 'host', 'runtime', 'errors.ts'],
  compress: ['workers', 'runtime'],
  hash: ['workers', 'runtime', 'errors.ts'],
  workers: ['runtime', 'errors.ts'],
  runtime: [],
  partitions: ['runtime'],
  host: ['runtime', 'errors.ts'],
  'errors.ts': ['runtime'],
};

/** The paths of all TypeScript files below a folder, from the top of the project. */
function filesIn(folder: string): string[] {
  return readdirSync(join(TOP, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.includes('assembly/'))
    .map((path) => join(folder, path));
}

const { imports: IMPORTS } = JSON.parse(readFileSync(join(TOP, 'package.json'), 'utf8')) as {
  readonly imports: Readonly<
    Record<string, { readonly browser: string; readonly default: string }>
  >;
};

/** The source files that `#host` and others in package.json map to, in Node and in a browser. */
function mappedTo(name: string): string[] {
  const { [name]: to } = IMPORTS;
  return to ? [sourceOf(to.default), sourceOf(to.browser)] : [];
}

/** The source of a built file. */
function sourceOf(built: string): string {
  return built.replace(/^(\.\/)?dist\//, '').replace(/\.js$/, '.ts');
}

const HOST = 'src/runtime/node.ts';

/**
 * The imports of a file, with types and `import()`: own files by path from the top, others by name.
 */
function importsOf(path: string): string[] {
  const { importedFiles } = ts.preProcessFile(readFileSync(join(TOP, path), 'utf8'));
  return importedFiles.flatMap(({ fileName }) => {
    if (fileName.startsWith('#')) return mappedTo(fileName);
    return fileName.startsWith('.') ? join(dirname(path), fileName) : fileName;
  });
}

/** The imports that are loaded with a file: own files by path, others by name. */
function loadsOf(path: string): string[] {
  const { outputText } = ts.transpileModule(readFileSync(join(TOP, path), 'utf8'), {
    compilerOptions: { target: ts.ScriptTarget.ES2022, verbatimModuleSyntax: true },
  });
  const file = ts.createSourceFile(path, outputText, ts.ScriptTarget.ES2022);
  return file.statements.flatMap((statement) => {
    const isLoad = ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement);
    const from = isLoad ? statement.moduleSpecifier : undefined;
    if (!from || !ts.isStringLiteral(from)) return [];
    return from.text.startsWith('.') ? join(dirname(path), from.text) : from.text;
  });
}

/** A file and everything that it loads, directly or not, except through `#host`. */
function loadedBy(path: string, found = new Set<string>()): ReadonlySet<string> {
  if (found.has(path)) return found;
  found.add(path);
  if (path.endsWith('.ts')) for (const next of loadsOf(path)) loadedBy(next, found);
  return found;
}

/** The folder in `src/` that a file is in, or the file itself; undefined outside of `src/`. */
function roomOf(path: string): string | undefined {
  const [top, room] = path.split('/');
  return top === 'src' ? room : undefined;
}

/** A chain of imports that ends where it began; undefined if there is none. */
function circleIn(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const way: string[] = [];
  const visit = (node: string): string[] | undefined => {
    if (way.includes(node)) return [...way.slice(way.indexOf(node)), node];
    if (done.has(node)) return undefined;
    way.push(node);
    for (const next of graph.get(node) ?? []) {
      const circle = visit(next);
      if (circle) return circle;
    }
    way.pop();
    done.add(node);
    return undefined;
  };
  for (const node of graph.keys()) {
    const circle = visit(node);
    if (circle) return circle;
  }
  return undefined;
}

const files = [...filesIn('formats'), ...filesIn('src')];
const graph = new Map(files.map((path) => [path, importsOf(path)]));

/** All rooms that a room reaches by arrows. */
function reachedFrom(room: string): Set<string> {
  const reached = new Set<string>();
  const visit = (from: string) => {
    for (const next of ARROWS[from] ?? []) {
      if (reached.has(next)) continue;
      reached.add(next);
      visit(next);
    }
  };
  visit(room);
  return reached;
}

/** The table as Mermaid draws it, without arrows that a longer way replaces. */
function picture(): string[] {
  return Object.entries(ARROWS).flatMap(([room, others]) => {
    const direct = others.filter(
      (other) => !others.some((between) => reachedFrom(between).has(other)),
    );
    return direct.length === 0 ? [] : [`${room} --> ${direct.join(' & ')}`];
  });
}

describe('the layers', () => {
  test.each(filesIn('formats'))(
    '%s imports nothing that does I/O, and nothing from src/',
    (path) => {
      for (const name of importsOf(path)) expect(name).not.toMatch(/^node:|^src\//);
    },
  );

  test.each(filesIn('src'))('%s imports only rooms that its own may', (path) => {
    const own = roomOf(path) ?? '';
    const rooms = importsOf(path).map(roomOf);
    for (const room of rooms) {
      if (room !== undefined && room !== own) expect(ARROWS[own]).toContain(room);
    }
  });

  test('the table of arrows has no circle, and no arrow that nothing takes', () => {
    expect(circleIn(new Map(Object.entries(ARROWS)))).toBeUndefined();
    for (const [room, others] of Object.entries(ARROWS)) {
      const taken = filesIn('src')
        .filter((path) => roomOf(path) === room)
        .flatMap(importsOf);
      for (const other of others) expect(taken.map(roomOf)).toContain(other);
    }
  });

  test('docs/architecture.md draws the table of arrows, and describes every room', () => {
    const page = readFileSync(join(TOP, 'docs', 'architecture.md'), 'utf8');
    const [, drawn = ''] = /```mermaid\nflowchart TD\n([^]*?)\n```/.exec(page) ?? [];
    expect(drawn.split('\n').map((line) => line.trim())).toEqual(picture());
    for (const room of Object.keys(ARROWS)) expect(page).toContain(`| \`${room}\``);
  });

  test('no files import each other in a circle', () => {
    expect(circleIn(graph)).toBeUndefined();
  });

  test.each(filesIn('src').filter((path) => !path.startsWith('src/cli/')))(
    '%s neither prints nor exits',
    (path) => {
      const text = readFileSync(join(TOP, path), 'utf8');
      expect(text).not.toMatch(/console\.|process\.(exit|stdout|stderr)/);
    },
  );

  // As for a browser, where `#host` maps to another file.
  test.each(['src/export/encode.ts', 'src/export/copy-blocks.ts', 'src/compress/worker.ts'])(
    '%s loads nothing of Node except by #host',
    (path) => {
      const loaded = [...loadedBy(path)];
      expect(loaded.filter((name) => name.startsWith('node:'))).toEqual([]);
      expect(loaded).not.toContain(HOST);
      expect(loaded).toContain('#host');
    },
  );

  // Besides zfs, zpool and LVM's: perl, which says where a sparse file has data, sync, ionice, and
  // the tools of clouds for credentials. All are optional.
  const runners = [
    'src/host/run-command.ts',
    'src/sources/data-map.ts',
    'src/host/flush.ts',
    'src/host/freeze.ts',
    'src/host/lower-priority.ts',
    'src/remote/run-tool.ts',
  ];
  const isRunner = (path: string) => runners.some((runner) => path.startsWith(runner));
  test.each(filesIn('src').filter((path) => !isRunner(path)))(
    '%s runs no other program',
    (path) => {
      for (const name of importsOf(path)) expect(name).not.toMatch(/child_process$/);
    },
  );
});

/**
 * What of `src/` a browser gets, besides what `formats/` has: whole rooms, and single files of
 * those that also know this machine. The built bundles say what they have inside.
 */
const IN_BROWSERS: readonly RegExp[] = [
  /^src\/(browser|library)\.ts$/,
  /^src\/(export|compress|decompress|hash|workers|partitions|inspect)\//,
  /^src\/(byte-streams|images|open|sources|sinks|zfs-send)\//,
  /^src\/errors\.ts$/,
  /^src\/host\/(no-descriptors|read-fully|readable-file|shell-word|spool-file|write-fully)\.ts$/,
  /^src\/remote\/(fetch-file|hide-query|ranges|remote-file|http\/(failure|percent-decoded|secrets))\.ts$/,
  /^src\/runtime\/(?!node\.ts|own-files)/,
];

/** Besides these the page has, of the command: what it prints, and its options. */
const IN_THE_PAGE: readonly RegExp[] = [
  ...IN_BROWSERS,
  /^src\/page\//,
  /^src\/cli\/(print|options)\//,
  /^src\/cli\/export\/create-format\.ts$/,
];

describe('the bundles for browsers', () => {
  test.each([
    ['the library', BROWSER_META, IN_BROWSERS],
    ['the page', PAGE_META, IN_THE_PAGE],
  ] as const)('%s has nothing inside that needs this machine', (_, path, allowed) => {
    const found = [JSON.parse(readFileSync(path, 'utf8')) as Metafile | Metafile[]].flat();
    const outputs = found.flatMap((each) => Object.values(each.outputs));
    const inputs = outputs.flatMap((output) =>
      Object.entries(output.inputs).flatMap(([name, { bytesInOutput }]) =>
        bytesInOutput > 0 ? [sourceOf(name).replace(/^dist\//, '')] : [],
      ),
    );
    const own = [...new Set(inputs)].filter((name) => name.startsWith('src/'));
    expect(own.length).toBeGreaterThan(100);
    expect(own.filter((name) => !allowed.some((pattern) => pattern.test(name)))).toEqual([]);
    const external = outputs.flatMap((output) => output.imports.filter((each) => each.external));
    expect(external).toEqual([]);
    for (const name of own) {
      const loads = loadsOf(name).filter((each) => each.startsWith('node:'));
      expect(loads, name).toEqual([]);
    }
  });
});

/** The imports of values in a file; types are the same in both. */
function valuesImportedBy(path: string): string[] {
  const file = ts.createSourceFile(
    path,
    readFileSync(join(TOP, path), 'utf8'),
    ts.ScriptTarget.ES2022,
  );
  return file.statements
    .filter((statement) => ts.isImportDeclaration(statement))
    .filter(({ importClause }) => {
      const named = importClause?.namedBindings;
      if (importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword) return false;
      return !named || !ts.isNamedImports(named) || named.elements.some((each) => !each.isTypeOnly);
    })
    .map(({ moduleSpecifier }) => (moduleSpecifier as ts.StringLiteral).text);
}

// A class or a table that is loaded twice, built and from its source, is not the same object.
describe('the tests', () => {
  test.each(filesIn('test'))('%s imports the built library or the sources, not both', (path) => {
    const imported = valuesImportedBy(path);
    const isBuilt = imported.some((name) => /^kexport(\/|$)/.test(name));
    const isSource = imported.some((name) => /^(\.\.\/)+(src|formats)\//.test(name));
    expect(isBuilt && isSource).toBe(false);
  });

  test.each(filesIn('test').filter((path) => path !== 'test/support/built.ts'))(
    '%s leaves it to test/support/built.ts to find a built file',
    (path) => {
      for (const name of importsOf(path)) expect(name).not.toMatch(/^dist\//);
    },
  );
});
