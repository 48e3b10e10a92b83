import type { Mutation } from './mutations.ts';
import type { Scratch } from './scratch.ts';

/** A sound input, which is damaged again and again. */
export interface Seed {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** What every file holds that the image names; undefined: no other file is opened. */
  readonly beside?: Uint8Array | undefined;
}

/** A reader, and how its inputs are damaged. */
export interface Target {
  readonly name: string;
  readonly seeds: () => Promise<readonly Seed[]>;
  /** Drawn from evenly; one that matters more is there more than once. */
  readonly changes: readonly Mutation[];
  /** Makes all checksums right after the changes, where that takes the whole input. */
  readonly seal?: (image: Scratch) => void;
  /**
   * Reads all that there is to read. Rejects with a FormatError, a DecompressError or a
   * KexportError if the input is refused, with anything else if the reader breaks its promise.
   */
  readonly read: (image: Buffer, seed: Seed) => Promise<void>;
}
