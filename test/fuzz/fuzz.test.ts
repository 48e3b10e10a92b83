// A short run of `npm run fuzz`, with the same inputs each time; of what is built, which is four
// times as fast here.

import { expect, test } from 'vitest';
import { importBuilt } from '../support/built.ts';

const { fuzz } = await importBuilt<typeof import('./fuzz.ts')>('test/fuzz/fuzz.ts');
const { targetsWith } = await importBuilt<typeof import('./targets.ts')>('test/fuzz/targets.ts');
const { makeByQemu } = await importBuilt<typeof import('./seeds/images.ts')>(
  'test/fuzz/seeds/images.ts',
);

test.each(targetsWith(makeByQemu))(
  'a damaged $name is read or refused, soon and in little memory',
  async (target) => {
    const { faults } = await fuzz(target, { seed: 1, count: 2000 });
    expect(faults.map(({ message }) => message)).toEqual([]);
  },
);
