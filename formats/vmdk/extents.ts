// The kinds of extent that make up a disk: each maps its own part, from its first byte on.

import type { ImageInput, ImageReader } from '../contract.ts';
import { FormatError } from '../errors.ts';
import { checkSparse } from './sparse-check.ts';
import { type SparseExtent, sparseStretches } from './sparse-extent.ts';

/** A part of the disk. */
export interface Extent {
  /** In bytes. */
  readonly size: number;
  /** The file it is in; undefined if that is the image itself, or none. */
  readonly file?: { readonly name: string; readonly input: ImageInput } | undefined;
  /** Name of the file that it is in, if that was left alone. */
  readonly notOpened?: string | undefined;
  readonly details: ImageReader['facts']['details'];
  readonly stretches: (from: number) => ReturnType<ImageReader['extents']>;
  readonly check: ImageReader['check'];
}

/**
 * Whether that is what a descriptor says has `size` bytes. VirtualBox rounds the header's capacity up to a whole grain, and
 * goes by the descriptor; QEMU goes by the header, and shows zeros after the end.
 */
export function fits({ size: capacity, grainSize }: SparseExtent, size: number): boolean {
  return capacity === size || capacity === Math.ceil(size / grainSize) * grainSize;
}

/** What the descriptor says has `size` bytes; a file with another number of them is an error. */
export function sparseExtent(whole: SparseExtent, size: number, file?: Extent['file']): Extent {
  if (!fits(whole, size)) {
    throw new FormatError(
      'damaged',
      `vmdk: "${file?.name ?? ''}" has ${whole.size} bytes of disk, the descriptor says ${size}`,
    );
  }
  const extent = { ...whole, size };
  const { header, grainSize, isPacked } = extent;
  return {
    size,
    file,
    details: {
      version: header.version,
      'grain size': grainSize,
      compression: isPacked ? 'deflate' : 'none',
    },
    stretches: (from) => sparseStretches(extent, from),
    check: () => checkSparse(extent),
  };
}

/** Bytes of a file as they are. */
export function flatExtent(
  file: NonNullable<Extent['file']>,
  imageOffset: number,
  size: number,
): Extent {
  const { name, input } = file;
  if (imageOffset + size > input.size) {
    throw new FormatError(
      'damaged',
      `vmdk: "${name}" has ${input.size} bytes, the descriptor needs ${imageOffset + size}`,
    );
  }
  return {
    size,
    file,
    details: {},
    stretches: () => [{ kind: 'plain', diskOffset: 0, diskLength: size, imageOffset }],
    check: () => [],
  };
}

/** What lies in a file that is left alone. */
export function unopenedExtent(name: string, size: number): Extent {
  return { size, notOpened: name, details: {}, stretches: () => [], check: () => [] };
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
