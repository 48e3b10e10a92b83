import { execFileSync, spawnSync } from 'node:child_process';

/** Whether a program of others is installed. With KEXPORT_REQUIRE_PEERS=1 a missing one is an error. */
export function has(program: string): boolean {
  const found = spawnSync('sh', ['-c', `command -v "$0"`, program]).status === 0;
  if (!found && process.env['KEXPORT_REQUIRE_PEERS'] === '1') {
    throw new Error(`${program} is not installed`);
  }
  return found;
}

/** What a program says on standard output; throws if it fails. */
export function run(program: string, ...args: string[]): string {
  return output(program, ...args).toString();
}

/** The bytes that a program puts on standard output; throws if it fails. */
export function output(program: string, ...args: string[]): Buffer {
  return execFileSync(program, args, { maxBuffer: 2 ** 28, stdio: ['ignore', 'pipe', 'pipe'] });
}
