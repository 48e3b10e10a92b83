// npm run man, at the end of each build: the manual pages, into dist/man.

import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { manualPages } from './man/manual-pages.ts';
import { sourceDate } from './source-date.ts';

const TOP = join(import.meta.dirname, '..', '..');
const OUT = join(TOP, 'dist', 'man');

await rm(OUT, { recursive: true, force: true });
await mkdir(OUT, { recursive: true });
for (const { file, text } of manualPages(sourceDate(TOP))) await writeFile(join(OUT, file), text);
