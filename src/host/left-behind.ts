import { Warning } from '../errors.ts';

/**
 * The warning that something stays on this machine which an export has made. `what` is a clause,
 * such as `vg/snapshot is left behind`; `remedy` is a command.
 */
export function leftBehind(what: string, problem: string, remedy: string): Warning {
  return new Warning('left-behind', `${what}: ${problem}; to remove it: ${remedy}`);
}
