import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

const TOP = join(import.meta.dirname, '..');

/** Which rooms of `src/` a room may import, types too; docs/architecture.md draws it. All may import `formats/`. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  'index.ts': [
    'export',
    'open',
    'images',
    'zfs-send',
    'sources',
    'byte-streams',
    'sinks',
    'compress',
    'errors.ts',
  ],
  cli: [
    'export',
    'open',
    'images',
    'zfs',
    'zfs-send',
    'sources',
    'sinks',
    'compress',
    'inspect',
    'host',
    'errors.ts',
  ],
  export: ['images', 'zfs-send', 'sources', 'sinks', 'compress', 'workers', 'runtime', 'errors.ts'],
  open: [
    'images',
    'zfs',
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
  images: ['sources', 'decompress', 'inspect', 'workers', 'host', 'runtime', 'errors.ts'],
  zfs: [
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
  'zfs-send': ['sources', 'byte-streams', 'decompress', 'workers', 'host', 'errors.ts'],
  inspect: ['sources', 'partitions'],
  sources: ['byte-streams', 'workers', 'host', 'partitions', 'runtime', 'errors.ts'],
  'byte-streams': ['host', 'errors.ts'],
  sinks: ['workers', 'host', 'runtime', 'errors.ts'],
  decompress: ['compress', 'workers', 'host', 'errors.ts'],
  compress: ['workers'],
  workers: [],
  runtime: [],
  partitions: [],
  host: ['runtime', 'errors.ts'],
  'errors.ts': [],
};

/** Files of TypeScript below a folder, from the top of the project. */
function filesIn(folder: string): string[] {
  return readdirSync(join(TOP, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.includes('assembly/'))
    .map((path) => join(folder, path));
}

/** What `#host` of package.json is in the source. */
const HOST = 'src/runtime/node.ts';

/** What a file imports: of the project by its path from the top, of others by its name. Types and `import()` too. */
function importsOf(path: string): string[] {
  const { importedFiles } = ts.preProcessFile(readFileSync(join(TOP, path), 'utf8'));
  return importedFiles.map(({ fileName }) => {
    if (fileName === '#host') return HOST;
    return fileName.startsWith('.') ? join(dirname(path), fileName) : fileName;
  });
}

/** The folder right below `src/` that a file is in, or the file itself; undefined outside `src/`. */
function roomOf(path: string): string | undefined {
  const [top, room] = path.split('/');
  return top === 'src' ? room : undefined;
}

/** A way back to where it began, by what each imports of the others; undefined if there is none. */
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

  // Besides zfs and zpool: perl, which says where a sparse file has data, and sync. Neither is
  // needed where it is missing.
  const runners = ['src/zfs/', 'src/sources/data-map.ts', 'src/host/flush.ts'];
  const isRunner = (path: string) => runners.some((runner) => path.startsWith(runner));
  test.each(filesIn('src').filter((path) => !isRunner(path)))(
    '%s runs no program of others',
    (path) => {
      for (const name of importsOf(path)) expect(name).not.toMatch(/child_process$/);
    },
  );
});
