// A short run of `npm run fuzz`, with the same images each time.

import { expect, test } from 'vitest';
import { fuzz, FUZZED } from './fuzz.ts';

test.each(FUZZED)('a damaged %s is read or refused, soon and in little memory', async (name) => {
  const { count, readable } = await fuzz(name, 400, 1);
  expect(count).toBeGreaterThanOrEqual(400);
  expect(readable).toBeLessThan(count); // otherwise nothing was damaged
});
