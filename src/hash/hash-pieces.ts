import { host } from '#host';
import type { HashAlgorithm, Hasher } from '../../formats/contract.ts';
import { updateZeros } from './long-hash.ts';

/** Bytes to hash, or a number of zeros. */
export type HashPiece = Uint8Array | number;

/** A part of a hash. */
export interface HashTask {
  /** Tells the hashes of a worker apart. */
  readonly hash: number;
  readonly algorithm: HashAlgorithm;
  readonly pieces: readonly HashPiece[];
  /** What comes after the pieces: more of them, nothing, or nobody asks for the hash. */
  readonly then: 'more' | 'end' | 'give up';
}

/** Computes hashes, as a worker does it. The answer is the hash once it has ended. */
export function hashPieces(): (task: HashTask) => string | undefined {
  const hashers = new Map<number, Hasher>();
  return ({ hash, algorithm, pieces, then }) => {
    const hasher = hashers.get(hash) ?? host.hasher(algorithm);
    for (const piece of pieces) {
      if (typeof piece === 'number') updateZeros(hasher, piece);
      else hasher.update(piece);
    }
    if (then === 'more') hashers.set(hash, hasher);
    else hashers.delete(hash);
    return then === 'end' ? hasher.digest() : undefined;
  };
}
