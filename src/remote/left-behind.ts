import { reasonOf, Warning } from '../errors.ts';

/** The warning that something in a store was not removed, with the command that removes it. */
export function leftBehind(failed: string, error: unknown, remedy: string): Warning {
  return new Warning('left-behind', `${failed}: ${reasonOf(error)}; ${remedy} does it`);
}
