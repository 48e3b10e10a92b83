import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, statSync } from 'node:fs';

/** What one run of a command took. */
export interface Run {
  readonly wall: number; // seconds
  readonly cpu: number; // seconds, user and system
  readonly system: number; // seconds of `cpu`
  readonly peak: number; // resident bytes, of the largest process
  readonly size: number; // bytes that its outputs take up
}

/** Runs a shell command under GNU time. `outputs` are removed before and after. */
export function measure(command: string, outputs: readonly string[], report: string): Run {
  remove(outputs);
  execFileSync('/usr/bin/time', ['-f', '%e %U %S %M', '-o', report, 'bash', '-c', command], {
    stdio: ['ignore', 'ignore', 'inherit'],
    // To read the certificates of the environment is a third of the start of Node.
    env: { ...process.env, NODE_EXTRA_CA_CERTS: '' },
  });
  const figures = readFileSync(report, 'utf8').trim().split(' ').map(Number);
  const [wall = NaN, user = NaN, system = NaN, peak = NaN] = figures;
  const size = outputs.reduce((sum, path) => sum + statSync(path).blocks * 512, 0);
  remove(outputs);
  return { wall, cpu: user + system, system, peak: peak * 1024, size };
}

function remove(paths: readonly string[]): void {
  for (const path of paths) rmSync(path, { force: true });
}

/** The number in the middle. */
export function medianOf(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN;
}

/** The run in the middle, figure by figure. */
export function median(runs: readonly Run[]): Run {
  const middle = (figure: (run: Run) => number) => medianOf(runs.map(figure));
  return {
    wall: middle((run) => run.wall),
    cpu: middle((run) => run.cpu),
    system: middle((run) => run.system),
    peak: middle((run) => run.peak),
    size: middle((run) => run.size),
  };
}
