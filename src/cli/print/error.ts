import { KexportError, type Warning } from '../../errors.ts';
import { asFlag } from '../options/flags.ts';

/** An error for programs. */
export function errorJson(error: unknown): object {
  if (!(error instanceof KexportError)) return { code: 'bug', message: String(error) };
  const { message, hint } = error.inNotation(asFlag);
  return { code: error.code, message, hint };
}

/** A warning for programs. */
export function warningJson(warning: Warning): object {
  return { code: warning.code, message: warning.inNotation(asFlag) };
}
