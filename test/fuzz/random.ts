/** Numbers that look random, and are the same again for the same seed. */
export interface Random {
  /** A whole number of at least 0 and less than `end`. */
  below(end: number): number;
  /** One of these, of which there must be one. */
  pick<T>(items: readonly T[]): T;
  /** A number of 64 bits. */
  bits(): bigint;
}

/** The numbers for one input of a run: mulberry32, begun by the seed of the run and the input. */
export function randomOf(seed: number, input: number): Random {
  let state = Math.imul(seed ^ 0x9e37_79b9, 0x85eb_ca6b) ^ Math.imul(input + 1, 0xc2b2_ae35);

  const next = () => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const below = (end: number) => Math.floor((next() / 2 ** 32) * end);
  return {
    below,
    pick: (items) => items[below(items.length)]!, // there is one
    bits: () => (BigInt(next()) << 32n) | BigInt(next()),
  };
}
