import { spawnSync } from 'node:child_process';

/**
 * Whether a foreign program is there to look at what we wrote. Says what is skipped without it; throws instead if
 * KEXPORT_REQUIRE_PEERS is 1.
 */
export function has(program: string): boolean {
  const { status } = spawnSync('sh', ['-c', `command -v "$0"`, program]);
  return status === 0 || missing(program);
}

/** What `has` does with a peer that is not there: always false, or throws. */
export function missing(peer: string): boolean {
  if (process.env['KEXPORT_REQUIRE_PEERS'] === '1') throw new Error(`${peer} is missing`);
  console.warn(`skipped: ${peer} is missing`);
  return false;
}

/** Runs a program to its end; returns what it printed on both channels. Throws if it failed. */
export function run(program: string, args: readonly string[], cwd?: string): string {
  const options = { cwd, encoding: 'utf8', maxBuffer: 2 ** 26 } as const;
  const { status, stdout, stderr, error } = spawnSync(program, args, options);
  if (status === 0) return stdout + stderr;
  throw new Error(`${program} ${args.join(' ')}: ${stdout}${stderr}`, { cause: error });
}
