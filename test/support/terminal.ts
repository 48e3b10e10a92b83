// The built command in terminals: of `script` of util-linux, and of tmux.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { built } from './built.ts';
import { run } from './peers.ts';

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

/** The screen of a terminal of tmux after such a line has ended, without the blanks at its end. */
export function screenAfter(line: string, { cwd, columns = 80 }: TerminalOptions): string {
  const KEXPORT = `${process.execPath} ${built('src/cli/main.ts')}`;
  const socket = join(cwd, 'tmux');
  const tmux = (...args: string[]) => run('tmux', '-S', socket, '-f', '/dev/null', ...args);
  const command = `${line}; tmux -S '${socket}' wait-for -S ended; cat`;
  const size = ['-x', String(columns), '-y', '24'];
  tmux('new-session', '-d', ...size, '-c', cwd, '-e', `KEXPORT=${KEXPORT}`, `sh -c "${command}"`);
  try {
    tmux('wait-for', 'ended');
    return tmux('capture-pane', '-p', '-J').trimEnd();
  } finally {
    tmux('kill-server');
  }
}
