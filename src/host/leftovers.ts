// Notes what a run has made and not yet removed: to list it if the user forces the program to end,
// and to remove it if a bug ends it.

/** A file or dataset that would be left behind, and the command that removes it. */
export interface Leftover {
  readonly what: string;
  readonly remedy: string;
  /** Removes it without waiting, for a program that must end now; undefined if that cannot be. */
  readonly remove?: (() => void) | undefined;
}

const leftovers = new Set<Leftover>();

/**
 * Notes something before it is made. The returned function removes the note, once the thing is gone
 * or meant to stay.
 */
export function noteLeftover(what: string, remedy: string, remove?: () => void): () => void {
  const leftover = { what, remedy, remove };
  leftovers.add(leftover);
  return () => void leftovers.delete(leftover);
}

/**
 * Everything that would be left behind if the program ended now, the newest first, which is the
 * order to remove it in.
 */
export function listLeftovers(): readonly Leftover[] {
  return [...leftovers].reverse();
}

/** Removes at once what can be removed so, and returns the rest. */
export function removeLeftovers(): readonly Leftover[] {
  return listLeftovers().filter(({ remove }) => {
    try {
      remove?.();
      return remove === undefined;
    } catch {
      return true;
    }
  });
}
