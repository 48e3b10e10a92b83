// The kinds of VMDK extent that make up a disk. Each maps its own part of it, from offset 0 on.

import type { ImageInput, ImageReader } from '../contract.ts';
import { roundUp } from '../rounding.ts';
import { checkSparse } from './check.ts';
import { damaged } from './faults.ts';
import { grainExtents } from './grain-extents.ts';
import type { SparseExtent } from './sparse-extent.ts';

/** A VMDK extent: a part of the disk. */
export interface Extent {
  /** In bytes. */
  readonly size: number;
  /** The file that holds it; undefined: the image itself, or none. */
  readonly file?: { readonly name: string; readonly input: ImageInput } | undefined;
  /** The name of the file that holds it, if that is not open. */
  readonly notOpened?: string | undefined;
  readonly details: ImageReader['facts']['details'];
  /** Its image extents that end after the byte `from` of it. */
  readonly imageExtents: (from: number) => ReturnType<ImageReader['extents']>;
  readonly check: ImageReader['check'];
}

/**
 * Whether a sparse extent can have the `size` that the descriptor states. VirtualBox rounds the
 * capacity in the header up to a whole grain and goes by the descriptor; QEMU goes by the header.
 */
export function fits({ size: capacity, grainSize }: SparseExtent, size: number): boolean {
  return capacity === size || capacity === roundUp(size, grainSize);
}

/** A sparse extent of `size` bytes. Throws a FormatError if its header has another size. */
export function sparseExtent(whole: SparseExtent, size: number, file?: Extent['file']): Extent {
  if (!fits(whole, size)) {
    const name = JSON.stringify(file?.name ?? '');
    throw damaged(`${name} has ${whole.size} bytes of the disk, the descriptor says ${size}`);
  }
  const extent = { ...whole, size };
  const { header, grainSize, isCompressed } = extent;
  return {
    size,
    file,
    details: {
      version: header.version,
      'grain size': grainSize,
      compression: isCompressed ? 'deflate' : 'none',
    },
    imageExtents: (from) => grainExtents(extent, from),
    check: () => checkSparse(extent),
  };
}

/** A flat extent: bytes of a file as they are. Throws a FormatError if the file is too short. */
export function flatExtent(
  file: NonNullable<Extent['file']>,
  imageOffset: number,
  size: number,
): Extent {
  const { name, input } = file;
  const end = imageOffset + size;
  if (end > input.size) {
    throw damaged(`"${name}" has ${input.size} bytes, the descriptor refers to ${end}`);
  }
  return {
    size,
    file,
    details: {},
    imageExtents: () => [{ kind: 'plain', diskOffset: 0, diskLength: size, imageOffset }],
    check: () => [],
  };
}

/** An extent whose file is not open. */
export function unopenedExtent(name: string, size: number): Extent {
  return { size, notOpened: name, details: {}, imageExtents: () => [], check: () => [] };
}

/** An extent of zeros, which has no file. */
export function zeroExtent(size: number): Extent {
  return {
    size,
    details: {},
    imageExtents: () => [{ kind: 'zeros', diskOffset: 0, diskLength: size }],
    check: () => [],
  };
}
