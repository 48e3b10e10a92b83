import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    maxWorkers: '100%', // Vitest would leave one processor idle, as would tests that wait for programs of others
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
