// The kinds of extent that make up a disk: each maps its own part, from its first byte on.

import type { ImageInput, ImageReader } from '../contract.ts';
import { FormatError } from '../errors.ts';
import { checkSparse } from './sparse-check.ts';
import { type SparseExtent, sparseStretches } from './sparse-extent.ts';

/** A part of the disk. */
export interface Extent {
  /** In bytes. */
  readonly size: number;
  /** Undefined if it is the image itself. */
  readonly file?: string | undefined;
  readonly details: ImageReader['facts']['details'];
  readonly stretches: (from: number) => ReturnType<ImageReader['stretches']>;
  readonly check: ImageReader['check'];
}

/** What the descriptor says has `size` bytes; a larger file is an error. */
export function sparseExtent(extent: SparseExtent, size: number, file?: string): Extent {
  if (extent.size !== size) {
    throw new FormatError(
      `vmdk: "${file ?? ''}" has ${extent.size} bytes of disk, the descriptor says ${size}`,
    );
  }
  const { header, grainSize, isPacked } = extent;
  return {
    size,
    file,
    details: { version: header.version, grainSize, compression: isPacked ? 'deflate' : 'none' },
    stretches: (from) => sparseStretches(extent, from),
    check: () => checkSparse(extent),
  };
}

/** Bytes of a file as they are. */
export function flatExtent(input: ImageInput, start: number, size: number, file: string): Extent {
  if (start + size > input.size) {
    throw new FormatError(
      `vmdk: "${file}" has ${input.size} bytes, the descriptor needs ${start + size}`,
    );
  }
  return {
    size,
    file,
    details: {},
    stretches: () => [
      { kind: 'plain', diskOffset: 0, diskLength: size, imageOffset: start, input },
    ],
    check: () => [],
  };
}

/** Zeros without a file. */
export function zeroExtent(size: number): Extent {
  return {
    size,
    details: {},
    stretches: () => [{ kind: 'zeros', diskOffset: 0, diskLength: size }],
    check: () => [],
  };
}
