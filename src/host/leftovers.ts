// What a run has made and not yet taken away: told to a person who ends the program at once.

/** Something that would be left behind, and the command that removes it. */
export interface Leftover {
  readonly what: string;
  readonly remedy: string;
}

const leftovers = new Set<Leftover>();

/**
 * Notes something before it is made. The call that is returned takes the note back, once it is gone
 * or meant to stay.
 */
export function noteLeftover(what: string, remedy: string): () => void {
  const remain = { what, remedy };
  leftovers.add(remain);
  return () => void leftovers.delete(remain);
}

/**
 * All that would be left if the program ended now, the newest first: in this order it can be
 * removed.
 */
export function listLeftovers(): readonly Leftover[] {
  return [...leftovers].reverse();
}
