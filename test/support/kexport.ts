// The built commands, as a user runs them.

import { spawn, spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import { bundled } from './built.ts';

const KEXPORT = bundled('kexport.cjs');
const KSNAP = bundled('ksnap.cjs');

/** Certificates that Node has to read at its start take longer than a small export. */
const ENVIRONMENT = { ...process.env, NODE_EXTRA_CA_CERTS: '' };

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface RunOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
}

/** Runs kexport to its end. */
export function kexport(args: readonly string[], options: RunOptions = {}): Outcome {
  return runNode(KEXPORT, args, options);
}

/** Runs kexport in a folder, quietly. Throws with its messages unless it succeeds. */
export function kexportOk(cwd: string, ...args: string[]): void {
  const { status, stderr } = kexport([...args, '-q'], { cwd });
  if (status !== 0)
    throw new Error(`kexport ${args.join(' ')} ended with ${String(status)}: ${stderr}`);
}

/** Runs ksnap to its end. */
export function ksnap(args: readonly string[], options: RunOptions = {}): Outcome {
  return runNode(KSNAP, args, options);
}

function runNode(program: string, args: readonly string[], { cwd, env }: RunOptions): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd,
    env: { ...ENVIRONMENT, ...env },
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  });
  return { status, stdout, stderr };
}

/** Runs a line of bash in which `kexport` and `ksnap` are the built commands. */
export function shell(line: string, cwd: string): Outcome {
  const commands = `kexport() { "${process.execPath}" "${KEXPORT}" "$@"; }
ksnap() { "${process.execPath}" "${KSNAP}" "$@"; }`;
  const { status, stdout, stderr } = spawnSync('bash', ['-c', `${commands}\n${line}`], {
    cwd,
    env: ENVIRONMENT,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

/** Starts kexport on pipes; `ended` resolves to its status and its messages. */
export function startKexport(
  args: readonly string[],
  cwd: string,
  env: Record<string, string> = {},
) {
  return start(KEXPORT, args, cwd, env);
}

/** Runs kexport to its end, while this process goes on: as a server that it talks to. */
export async function kexportMeanwhile(
  args: readonly string[],
  { cwd = '.', env = {} }: RunOptions = {},
): Promise<Outcome> {
  const { child, ended } = startKexport(args, cwd, env);
  child.stdin.end();
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => (stdout += piece));
  return { ...(await ended), stdout };
}

/** Starts ksnap likewise. */
export function startKsnap(args: readonly string[], cwd: string) {
  return start(KSNAP, args, cwd);
}

function start(
  program: string,
  args: readonly string[],
  cwd: string,
  env: Record<string, string> = {},
) {
  const child = spawn(process.execPath, [program, ...args], {
    cwd,
    env: { ...ENVIRONMENT, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (piece: string) => (stderr += piece));
  child.stdin.on('error', () => undefined); // it may end before it has read everything
  const ended = new Promise<Outcome>((resolve) => {
    child.on('close', (status, signal) => {
      const asInShell = signal ? 128 + constants.signals[signal] : status;
      resolve({ status: asInShell, stdout: '', stderr });
    });
  });
  return { child, ended };
}
