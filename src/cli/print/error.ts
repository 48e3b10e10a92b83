import { environmentError, KexportError, type Warning } from '../../errors.ts';
import { asFlag } from '../options/flags.ts';

/** An error for programs. */
export function errorJson(error: unknown): object {
  const known = error instanceof KexportError ? error : environmentError(error);
  if (!known) return { code: 'bug', message: String(error) };
  const { message, hint } = known.inNotation(asFlag);
  return { code: known.code, message, hint };
}

/** A warning for programs. */
export function warningJson(warning: Warning): object {
  return { code: warning.code, message: warning.inNotation(asFlag) };
}
