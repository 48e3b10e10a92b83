import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { constants, setPriority } from 'node:os';
import { promisify } from 'node:util';
import { reasonOf } from '../errors.ts';

/**
 * Makes the program give way to others: the lowest priority of the CPU, and the idle class of I/O
 * by ionice of util-linux. In Linux each thread has its own, and passes it on to those that it
 * starts: all threads of the program are set. Returns in a clause why the I/O class stays;
 * undefined if it is set.
 */
export async function lowerPriority(): Promise<string | undefined> {
  const threads = await readdir('/proc/self/task').catch(() => [String(process.pid)]);
  for (const thread of threads) setPriority(Number(thread), constants.priority.PRIORITY_LOW);
  try {
    await promisify(execFile)('ionice', ['-c', '3', '-p', ...threads]);
    return undefined;
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    return isMissing ? 'ionice of util-linux is not installed' : reasonOf(error);
  }
}
