// What a level from 1 to 9 means: how the input is parsed and how hard matches are looked for.

/** Whether the first match is taken. */
export let fast: bool = false;
/** How many positions are searched for a better match before one is taken. */
export let lookahead: u32 = 0;
/** Earlier positions that are compared, and the length that ends the search. */
export let depth: u32 = 0;
export let nice: u32 = 0;
/**
 * How often the input is parsed anew by the prices of its symbols; depth and nice length of the
 * search for that.
 */
export let passes: u32 = 0;
export let optimalDepth: u32 = 0;
export let optimalNice: u32 = 0;

/** Sets all of the above. */
export function setLevel(level: u32): void {
  fast = level <= 1;
  if (fast) set(0, 1, 258);
  else if (level == 2) set(0, 2, 12);
  else if (level == 3) set(0, 4, 16);
  else if (level == 4) set(1, 4, 16);
  else if (level == 5) set(1, 12, 30);
  else if (level == 6) set(1, 32, 128);
  else if (level == 7) set(2, 100, 258);
  else if (level == 8) set(1, 32, 128, 1, 24, 64);
  else set(1, 32, 128, 2, 64, 128);
}

function set(
  newLookahead: u32,
  newDepth: u32,
  newNice: u32,
  newPasses: u32 = 0,
  newOptimalDepth: u32 = 0,
  newOptimalNice: u32 = 0,
): void {
  lookahead = newLookahead;
  depth = newDepth;
  nice = newNice;
  passes = newPasses;
  optimalDepth = newOptimalDepth;
  optimalNice = newOptimalNice;
}
