/** The word that is closest to a mistyped one; undefined if none is close enough. */
export function mostSimilar(word: string, candidates: readonly string[]): string | undefined {
  const distances = candidates.map((candidate) => ({
    candidate,
    distance: editDistance(word.toLowerCase(), candidate.toLowerCase()),
  }));
  const [best] = distances.sort((one, other) => one.distance - other.distance);
  // A third of the letters: --sise is close to --size, --fast to nothing.
  return best && best.distance <= Math.max(1, word.length / 3) ? best.candidate : undefined;
}

/** Letters to add, remove, replace, or swap with their neighbour (optimal string alignment). */
function editDistance(one: string, other: string): number {
  let before: number[] = [];
  let last = Array.from({ length: other.length + 1 }, (_, i) => i);
  for (let i = 1; i <= one.length; i++) {
    const row = [i];
    for (let j = 1; j <= other.length; j++) {
      const replaced = one[i - 1] === other[j - 1] ? 0 : 1;
      const at = (distances: readonly number[], k: number) => distances[k] ?? Infinity;
      let distance = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + replaced);
      const isSwap = one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      if (isSwap) distance = Math.min(distance, at(before, j - 2) + 1);
      row.push(distance);
    }
    [before, last] = [last, row];
  }
  return last[other.length] ?? Infinity;
}
