// The built command in a pseudo-terminal, by `script` of util-linux.

import { spawnSync } from 'node:child_process';
import { built } from './built.ts';

/** Options of {@link inTerminal}. */
interface TerminalOptions {
  readonly cwd: string;
  /** Width of the terminal. */
  readonly columns?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a line of sh in which `$KEXPORT` is the built command. Returns what the terminal got. */
export function inTerminal(line: string, { cwd, columns = 80, env }: TerminalOptions): string {
  const command = `stty cols ${columns} rows 24; ${line}`;
  const KEXPORT = `${process.execPath} ${built('src/cli/main.ts')}`;
  // What the runner of the tests sets must not decide.
  const inherited = Object.entries(process.env).filter(([name]) => !name.endsWith('_COLOR'));
  const { status, stdout, stderr } = spawnSync('script', ['-qec', command, '/dev/null'], {
    cwd,
    env: { ...Object.fromEntries(inherited), TERM: 'xterm', KEXPORT, ...env },
    encoding: 'utf8',
  });
  if (status === null) throw new Error(`script did not end: ${stderr}`);
  return stdout;
}
