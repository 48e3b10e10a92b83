import { errnoOf, KexportError } from '../errors.ts';

/** Whether an export failed because the program that read its output has stopped reading. */
export function isBrokenPipe(error: unknown): boolean {
  return error instanceof KexportError && errnoOf(error.cause) === 'EPIPE';
}
