import { KexportError, reasonOf, Warning } from '../errors.ts';

/** The warning that something in a store was not removed, with the command that removes it. */
export function leftBehind(failed: string, error: unknown, remedy: string): Warning {
  const reason = error instanceof KexportError ? error.message : reasonOf(error);
  return new Warning('left-behind', `${failed}: ${reason}; ${remedy} does it`);
}
