// What the program says to people: on stderr, and in the file of --log-file with the time.

import { closeSync, openSync, writeSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import { KexportError, reasonOf } from '../../errors.ts';
import { printable } from '../print/printable.ts';

let log: number | undefined;
let isVerbose = false;

/** What openMessages needs. */
interface MessageOptions {
  readonly logFile?: string | undefined;
  readonly verbose?: boolean | undefined;
}

/**
 * Readies both; `logFile` is appended to. Throws a KexportError if it cannot be opened, or is one
 * of `others`, which are disks and images.
 */
export async function openMessages(
  { logFile, verbose = false }: MessageOptions,
  others: readonly string[],
): Promise<void> {
  isVerbose = verbose;
  if (logFile === undefined) return;
  const { safeLogPath } = await import('./safe-log-path.ts'); // few runs have a log
  const path = await safeLogPath(logFile, others);
  try {
    log = openSync(path, 'a', 0o600);
  } catch (cause) {
    const what = `cannot write the log ${logFile}: ${reasonOf(cause)}`;
    throw new KexportError('target', what, { cause });
  }
}

/** Says something to people. */
export function tell(text: string): void {
  process.stderr.write(text);
  note(text);
}

/** Says what only --verbose shows. */
export function detail(line: string): void {
  if (isVerbose) process.stderr.write(`kexport: ${printable(line)}\n`);
  note(line);
}

/** Writes to the log alone. */
export function note(text: string): void {
  if (log === undefined) return;
  const time = new Date().toISOString();
  const lines = stripVTControlCharacters(text)
    .split('\n')
    .filter((line) => line !== '')
    .map(printable);
  try {
    writeSync(log, lines.map((line) => `${time} ${line}\n`).join(''));
  } catch {
    closeSync(log); // as on a full disk: the export goes on
    log = undefined;
  }
}
