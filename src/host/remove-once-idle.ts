import { setTimeout } from 'node:timers/promises';
import { messageOf } from '../errors.ts';

/** What a failed removal says of the thing. */
export interface RemovalFailure {
  /** Why it is still there; undefined if it is gone. */
  readonly problem: string | undefined;
  /** Whether it is busy, as a thing may be for a while after it was closed. */
  readonly mayPass?: boolean | undefined;
}

/**
 * Explains the failure of a command by its kind, as `kindOf` tells it: `missing`, `busy`, or
 * another. Throws an error of no kind.
 */
export function explainByKind(
  kindOf: (error: unknown) => string | undefined,
): (error: unknown) => RemovalFailure {
  return (error) => {
    const kind = kindOf(error);
    if (kind === undefined) throw error;
    if (kind === 'missing') return { problem: undefined };
    return { problem: messageOf(error), mayPass: kind === 'busy' };
  };
}

const INTERVAL = 100; // milliseconds

/**
 * Removes a thing, and tries again while it is busy, for `limit` milliseconds at most. `explain`
 * tells of an error what it means, or throws one that is not about the thing. Returns why it could
 * not be removed, or undefined once it is gone.
 */
export async function removeOnceIdle(
  remove: () => Promise<unknown>,
  explain: (error: unknown) => RemovalFailure | Promise<RemovalFailure>,
  limit: number,
): Promise<string | undefined> {
  const started = performance.now();
  for (;;) {
    try {
      await remove();
      return undefined;
    } catch (error) {
      const { problem, mayPass = false } = await explain(error);
      if (!mayPass || performance.now() - started > limit) return problem;
    }
    await setTimeout(INTERVAL);
  }
}
