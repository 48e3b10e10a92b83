// A short run of `npm run fuzz`, with the same images each time.

import { expect, test } from 'vitest';
import { type FormatName, FORMATS } from '../../formats/index.ts';
import { fuzz } from './fuzz.ts';

const names = (Object.keys(FORMATS) as FormatName[]).filter((name) => name !== 'raw');

test.each(names)('a damaged %s is read or refused, soon and in little memory', async (name) => {
  const { count, readable } = await fuzz(name, 400, 1);
  expect(count).toBeGreaterThanOrEqual(400);
  expect(readable).toBeLessThan(count); // otherwise nothing was damaged
});
