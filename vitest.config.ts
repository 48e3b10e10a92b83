import { fileURLToPath } from 'node:url';
import { readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

const manifest = readFileSync(new URL('package.json', import.meta.url), 'utf8');
const { imports } = JSON.parse(manifest) as { imports: Record<string, { default: string }> };

function sourceOf(built: string): string {
  const source = built.replace('./dist/', '').replace(/\.js$/, '.ts');
  return fileURLToPath(new URL(source, import.meta.url));
}

export default defineConfig({
  // package.json has them of what is built; TypeScript finds the source of that by itself.
  resolve: {
    alias: Object.fromEntries(
      Object.entries(imports).map(([name, to]) => [name, sourceOf(to.default)]),
    ),
  },
  test: {
    include: ['test/**/*.test.ts'],
    // What is built runs as users run it.
    server: { deps: { external: [/\/dist\//] } },
    maxWorkers: '100%', // Vitest would leave one processor idle, as would tests that wait for programs of others
    testTimeout: 300_000, // against what never ends: machines differ, and are shared
    hookTimeout: 300_000,
  },
});
