import { execFileSync } from 'node:child_process';

/**
 * The time that what is made bears, so that the same source makes the same bytes: that of
 * SOURCE_DATE_EPOCH, else of the commit; now, where there is neither.
 */
export function sourceDate(top: string): Date {
  const seconds = process.env['SOURCE_DATE_EPOCH'] ?? commitTime(top);
  return seconds === undefined ? new Date() : new Date(Number(seconds) * 1000);
}

function commitTime(top: string): string | undefined {
  try {
    const words = ['log', '-1', '--format=%ct'];
    const stdio = ['ignore', 'pipe', 'ignore'] as const;
    return execFileSync('git', words, { cwd: top, encoding: 'utf8', stdio: [...stdio] }).trim();
  } catch {
    return undefined; // not a clone, or no git
  }
}
