// npm run fuzz [-- --count N --format F --seed S]: reads damaged images, by default 20,000 of each
// format.

import { parseArgs } from 'node:util';
import { fuzz, FUZZED } from './fuzz.ts';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '20000' },
    format: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  },
});
const names = FUZZED.filter((name) => (values.format ?? name) === name);
if (names.length === 0) throw new Error(`no format ${values.format ?? ''}`);
for (const name of names) {
  const started = performance.now();
  const { count, readable } = await fuzz(name, Number(values.count), Number(values.seed));
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${name}: ${count} images, ${readable} readable, ${seconds} s, seed ${values.seed}`);
}
