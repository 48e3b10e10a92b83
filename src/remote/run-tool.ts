// Runs the tool of a cloud for what it alone can do: give the credentials that it manages.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { errnoOf, KexportError, throwIfAborted } from '../errors.ts';
import { withoutSecrets } from './http/secrets.ts';

const run = promisify(execFile);

/** How long it may take, in milliseconds: some ask another machine. */
const TIMEOUT = 60_000;

export interface ToolOptions {
  /** What it reads. */
  readonly input?: string | undefined;
  /** What it prints if it fails since it has nothing to give. */
  readonly nothing?: RegExp | undefined;
  /** Ends it. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * What it prints; nothing if it fails and prints what `nothing` matches. Throws a KexportError if
 * it fails otherwise, or is not there, or `aborted` if the signal is.
 */
export async function runTool(
  program: string,
  args: readonly string[],
  hint?: string,
  { input = '', nothing, signal }: ToolOptions = {},
): Promise<string> {
  try {
    const running = run(program, args, { timeout: TIMEOUT, encoding: 'utf8', signal });
    running.child.stdin?.on('error', () => undefined).end(input); // some do not read it
    return (await running).stdout;
  } catch (cause) {
    throwIfAborted(signal);
    const { stdout } = cause as { readonly stdout?: string };
    if (stdout !== undefined && nothing?.test(stdout)) return '';
    const isMissing = errnoOf(cause) === 'ENOENT';
    const said = isMissing ? 'it is not installed' : lastLine(cause);
    const what = `cannot get credentials from ${program}: ${withoutSecrets(said)}`;
    throw new KexportError('usage', what, { hint });
  }
}

/** What a program said last, which is the reason of its failure. */
function lastLine(error: unknown): string {
  const { stderr = '', message = '' } = error as { stderr?: string; message?: string };
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  return (lines.at(-1) ?? message.split('\n')[0] ?? '').trim();
}

/** The words of a command line; double quotes hold words with blanks together. */
export function splitCommand(line: string): string[] {
  const words = line.match(/(?:[^\s"]|"[^"]*")+/g) ?? [];
  return words.map((word) => word.replaceAll('"', ''));
}
