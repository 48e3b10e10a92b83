import type { HashThreads } from '../hash/hash-threads.ts';
import type { EncodeMachineOptions } from './encode-options.ts';
import type { Encodings } from './encodings.ts';
import type { ImageResult, Target } from './image.ts';
import type { ImageSet } from './image-set.ts';
import type { MachineImages } from './machine-images.ts';

/** An export under way. */
export interface Run {
  readonly options: EncodeMachineOptions;
  readonly encodings: Encodings;
  readonly images: ImageSet;
  readonly whole: MachineImages;
  /** For what formats hash of their images. */
  readonly hashes: HashThreads;
  /** The images that are finished. */
  readonly results: Map<Target, ImageResult>;
  /** Aborts the export; it is also aborted by a failure. */
  readonly stop: AbortController;
}
