import { constants } from 'node:os';
import { environmentError, KexportError } from '../../errors.ts';
import { isBrokenPipe } from '../../sinks/is-broken-pipe.ts';
import { asFlag } from '../options/flags.ts';
import { paint } from '../print/color.ts';
import { printable } from '../print/printable.ts';
import { tell } from './messages.ts';

/** Signals that abort an export, which then cleans up. */
export const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export const EXIT_FAILURE = 1;
export const EXIT_USAGE = 2;
/** EX_SOFTWARE of sysexits.h: a bug. */
export const EXIT_BUG = 70;

/** Prints an error on stderr, and returns the exit status for it. */
export function reportError(error: unknown, program = 'kexport'): number {
  const prefix = paint('stderr', 'red', `${program}:`);
  const known = error instanceof KexportError ? error : environmentError(error);
  if (!known) {
    const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
    tell(
      `${prefix} this is a bug in kexport, please report it (SECURITY.md says where): ${trace}\n`,
    );
    return EXIT_BUG;
  }
  return reportKnown(known, prefix);
}

function reportKnown(error: KexportError, prefix: string): number {
  // The reader of the pipe has read enough: end without a message, as cat does.
  if (isBrokenPipe(error)) return EXIT_FAILURE;
  const { message, hint } = error.inNotation(asFlag);
  tell(`${prefix} ${printable(message)}${hint === undefined ? '' : ` (${printable(hint)})`}\n`);
  if (error.code === 'usage') return EXIT_USAGE;
  return error.code === 'aborted' ? signalStatus(error.cause) : EXIT_FAILURE;
}

/** Whether a value is the name of one of SIGNALS. */
export function isSignal(value: unknown): value is (typeof SIGNALS)[number] {
  return SIGNALS.some((name) => name === value);
}

/** 128 and the number of the signal, as in a shell. */
function signalStatus(signal: unknown): number {
  return 128 + constants.signals[isSignal(signal) ? signal : 'SIGINT'];
}
