import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The built command. */
const KEXPORT = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface RunOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
}

/** Runs the command to its end. */
export function kexport(args: readonly string[], options: RunOptions = {}): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [KEXPORT, ...args], {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  });
  return { status, stdout, stderr };
}

/** Runs a shell command line in which `kexport` is the built command. */
export function shell(line: string, cwd: string): Outcome {
  const command = `kexport() { "${process.execPath}" "${KEXPORT}" "$@"; }\n${line}`;
  const { status, stdout, stderr } = spawnSync('bash', ['-c', command], { cwd, encoding: 'utf8' });
  return { status, stdout, stderr };
}

/** Starts the command; `ended` has its status. */
export function startKexport(args: readonly string[], cwd: string) {
  const child = spawn(process.execPath, [KEXPORT, ...args], {
    cwd,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (piece: string) => (stderr += piece));
  child.stdin.on('error', () => undefined); // it may end before it has read everything
  const ended = new Promise<Outcome>((resolve) => {
    child.on('close', (status) => resolve({ status, stdout: '', stderr }));
  });
  return { child, ended };
}
