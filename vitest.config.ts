import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  // package.json has it of what is built; TypeScript finds the source of that by itself.
  resolve: { alias: { '#host': fileURLToPath(new URL('src/runtime/node.ts', import.meta.url)) } },
  test: {
    include: ['test/**/*.test.ts'],
    // What is built runs as users run it.
    server: { deps: { external: [/\/dist\//] } },
    maxWorkers: '100%', // Vitest would leave one processor idle, as would tests that wait for programs of others
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
