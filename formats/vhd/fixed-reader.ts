import type { ImageFacts, ImageInput, ImageReader, PlainExtent } from '../contract.ts';
import { checkFixed } from './check.ts';
import type { Footers } from './decode-footer.ts';
import { damaged } from './faults.ts';

/** An image whose footer has been read. */
export interface VhdRequest {
  readonly input: ImageInput;
  readonly footers: Footers;
  /** What the footer says. */
  readonly facts: ImageFacts;
}

/** Opens a fixed image. Throws a FormatError if the disk is not in front of the footer. */
export function fixedReader({ footers: { used, end }, facts }: VhdRequest): ImageReader {
  const { diskSize } = facts;
  if (end !== used || diskSize > used.imageOffset) {
    const room = end === used ? used.imageOffset : 0;
    throw damaged(`the disk has ${diskSize} bytes, only ${room} are in front of the footer`);
  }
  const data: PlainExtent = { kind: 'plain', diskOffset: 0, diskLength: diskSize, imageOffset: 0 };
  return {
    facts,
    extents: (from = 0) => (from < diskSize ? [data] : []),
    check: () => checkFixed(used.imageOffset - diskSize),
  };
}
