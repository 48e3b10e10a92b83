// Colors in a real terminal, and nowhere else.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { kexport } from '../support/kexport.ts';
import { describeWith } from '../support/peers.ts';
import { inTerminal } from '../support/terminal.ts';

const ESCAPE = '\u001b[';
const RED = `${ESCAPE}31mkexport:${ESCAPE}39m`;

describeWith(['script'], 'in a terminal', () => {
  test('an error has a red name, and help bold titles', () => {
    const cwd = temporaryFolder();
    expect(inTerminal('$KEXPORT info nowhere', { cwd })).toContain(`${RED} cannot open nowhere`);
    expect(inTerminal('$KEXPORT --help', { cwd })).toContain(`${ESCAPE}1mUsage:${ESCAPE}22m`);
  });

  test.each([
    ['NO_COLOR is set', '$KEXPORT info nowhere', { NO_COLOR: '1' }],
    ['the terminal is dumb', '$KEXPORT info nowhere', { TERM: 'dumb' }],
    ['--color never says so', '$KEXPORT info nowhere --color never', {}],
    ['stderr is not the terminal', '$KEXPORT info nowhere 2>&1 | cat', {}],
  ])('there is no color if %s', (_, line, env) => {
    const text = inTerminal(line, { cwd: temporaryFolder(), env });
    expect(text).toContain('kexport: cannot open nowhere');
    expect(text).not.toContain(ESCAPE);
  });

  test('an empty NO_COLOR does not count, and --color always is stronger than a set one', () => {
    const cwd = temporaryFolder();
    expect(inTerminal('$KEXPORT info x', { cwd, env: { NO_COLOR: '' } })).toContain(RED);
    const line = '$KEXPORT info x --color always';
    expect(inTerminal(line, { cwd, env: { NO_COLOR: '1' } })).toContain(RED);
  });

  test('stdout and stderr each count for themselves', () => {
    const cwd = temporaryFolder();
    expect(inTerminal('$KEXPORT info nowhere --help > out', { cwd })).not.toContain(ESCAPE);
    expect(readFileSync(join(cwd, 'out'), 'utf8')).not.toContain(ESCAPE);
    expect(inTerminal('$KEXPORT info nowhere > out', { cwd })).toContain(RED);
  });
});

describe('outside of a terminal', () => {
  test('there is color only with --color always; FORCE_COLOR does not count', () => {
    const env = { FORCE_COLOR: '1' };
    expect(kexport(['info', 'nowhere'], { env }).stderr).not.toContain(ESCAPE);
    expect(kexport(['info', 'nowhere', '--color=always']).stderr).toContain(RED);
  });

  test('another value is refused, and a log has no color', () => {
    const { status, stderr } = kexport(['info', 'x', '--color', 'yes']);
    expect(stderr).toBe('kexport: --color: "yes" is not auto, always or never\n');
    expect(status).toBe(2);
    const cwd = temporaryFolder();
    const args = ['raw', 'nowhere', '-o', 'x', '--log-file', 'log', '--color', 'always'];
    expect(kexport(args, { cwd }).stderr).toContain(RED);
    const log = readFileSync(join(cwd, 'log'), 'utf8');
    expect(log).toContain('kexport: cannot open nowhere');
    expect(log).not.toContain(ESCAPE);
  });
});
