// Every input that has ever broken a promise: fixtures/hostile/README.md says which.

import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { folderWith } from '../../support/folder.ts';
import { shell } from '../../support/kexport.ts';
import { fixturePath } from '../../support/project.ts';

const SECONDS = 5; // of the processor

const names = readdirSync(fixturePath('hostile')).filter((name) => name.endsWith('.gz'));

describe('a damaged or hostile input', () => {
  test.each(names.map((name) => name.replace(/\.gz$/, '')))(
    '%s is read or refused, soon, and nothing of it reaches a terminal',
    (name) => {
      const cwd = folderWith({
        [name]: gunzipSync(readFileSync(fixturePath('hostile', `${name}.gz`))),
      });
      for (const command of [
        `info ${name}`,
        `info ${name} --json`,
        `verify ${name}`,
        `raw ${name} -o x.raw`,
      ]) {
        const { status, stdout, stderr } = shell(`ulimit -t ${SECONDS}; kexport ${command}`, cwd);
        expect([0, 1, 3], `${command}: ${stderr}`).toContain(status);
        // Line breaks are our own; all else that steers a terminal is not.
        expect(stdout + stderr).not.toMatch(/[^\P{Cc}\n]|[\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
        expect(stderr).not.toContain('bug');
      }
    },
  );
});
