// Notes what a run has made and not yet removed, to list it if the user forces the program to end.

/** A file or dataset that would be left behind, and the command that removes it. */
export interface Leftover {
  readonly what: string;
  readonly remedy: string;
}

const leftovers = new Set<Leftover>();

/**
 * Notes something before it is made. The returned function removes the note, once the thing is gone
 * or meant to stay.
 */
export function noteLeftover(what: string, remedy: string): () => void {
  const remain = { what, remedy };
  leftovers.add(remain);
  return () => void leftovers.delete(remain);
}

/**
 * Everything that would be left behind if the program ended now, the newest first, which is the
 * order to remove it in.
 */
export function listLeftovers(): readonly Leftover[] {
  return [...leftovers].reverse();
}
