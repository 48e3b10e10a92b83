import { constants } from 'node:os';
import { KexportError } from '../../errors.ts';
import { isBrokenPipe } from '../../sinks/is-broken-pipe.ts';
import { asFlag } from '../options/flags.ts';
import { paint } from '../print/color.ts';
import { tell } from './messages.ts';

/** Signals that abort an export, which then cleans up. */
export const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export const EXIT_FAILURE = 1;
export const EXIT_USAGE = 2;

/** Prints an error on stderr, and returns the exit status for it. */
export function reportError(error: unknown, program = 'kexport'): number {
  const prefix = paint('stderr', 'red', `${program}:`);
  if (!(error instanceof KexportError)) {
    const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
    tell(`${prefix} this is a bug in kexport, please report it: ${trace}\n`);
    return EXIT_FAILURE;
  }
  // The reader of the pipe has read enough: end without a message, as cat does.
  if (isBrokenPipe(error)) return EXIT_FAILURE;
  const { message, hint } = error.inNotation(asFlag);
  tell(`${prefix} ${message}${hint === undefined ? '' : ` (${hint})`}\n`);
  if (error.code === 'usage') return EXIT_USAGE;
  return error.code === 'aborted' ? signalStatus(error.cause) : EXIT_FAILURE;
}

/** 128 and the number of the signal, as in a shell. */
export function signalStatus(signal: unknown): number {
  const known = SIGNALS.find((name) => name === signal) ?? 'SIGINT';
  return 128 + constants.signals[known];
}
