// Opens a VHD: fixed, the disk and a footer, or dynamic, a table of blocks. Of a differencing image only the facts.

import type { ImageFacts, ImageReader, PlainExtent, Problem, ReadRequest } from '../contract.ts';
import { exactNumber } from '../bounds.ts';
import { SECTOR_SIZE } from '../contract.ts';
import { FormatError } from '../errors.ts';
import { leak } from '../problems.ts';
import { uuidText } from '../uuid.ts';
import { dynamicReader } from './dynamic-reader.ts';
import { findFooters, type Footer, type Footers } from './footers.ts';
import { DIFFERENCING, DYNAMIC, EPOCH, FIXED } from './layout.ts';

/**
 * Opens a VHD of any type. Its size is that of the footer's "Current Size", as for Hyper-V and VirtualBox: Virtual PC, and
 * QEMU for some creators, go by the geometry, which is smaller; what lies after that is then more than they show.
 */
export async function readVhd({ input }: ReadRequest): Promise<ImageReader> {
  const footers = await findFooters(input);
  const { footer } = footers.used;
  const diskSize = exactNumber(footer.currentSize, 'vhd: the size of the disk');
  if (diskSize === 0 || diskSize % SECTOR_SIZE !== 0) {
    throw new FormatError(
      'damaged',
      `vhd: a disk of ${diskSize} bytes, which are no whole sectors`,
    );
  }
  const { diskType } = footer;
  if (diskType === FIXED) return fixedReader(footers, diskSize);
  if (diskType === DYNAMIC || diskType === DIFFERENCING) {
    const facts = factsOf(footer, diskSize);
    return dynamicReader({ input, footers, diskSize, facts });
  }
  throw new FormatError(
    'unsupported',
    `vhd: a disk of type ${diskType}, only 2 (fixed), 3 (dynamic) and 4 are known`,
  );
}

function fixedReader({ used, end }: Footers, diskSize: number): ImageReader {
  if (end !== used || diskSize > used.imageOffset) {
    const room = end === used ? used.imageOffset : 0;
    throw new FormatError(
      'damaged',
      `vhd: ${room} bytes lie before the footer, the disk has ${diskSize}`,
    );
  }
  const data: PlainExtent = { kind: 'plain', diskOffset: 0, diskLength: diskSize, imageOffset: 0 };
  return {
    facts: factsOf(used.footer, diskSize),
    extents: (from = 0) => (from < diskSize ? [data] : []),
    check: () => checkFixed(used.imageOffset - diskSize),
  };
}

function checkFixed(extra: number): Problem[] {
  if (extra === 0) return [];
  return [leak(`${extra} bytes lie between the disk and the footer`)];
}

function factsOf(footer: Footer, diskSize: number): ImageFacts {
  const { cylinders, heads, sectorsPerTrack, creatorVersion } = footer;
  return {
    format: 'vhd',
    subformat: footer.diskType === FIXED ? 'fixed' : 'dynamic',
    diskSize,
    id: uuidText(footer.uniqueId),
    details: {
      'unique ID': uuidText(footer.uniqueId),
      'creator application': printable(footer.creatorApplication),
      'creator version': `${creatorVersion >>> 16}.${creatorVersion & 0xffff}`,
      'creator host OS': printable(footer.creatorHostOs),
      'time stamp': new Date((EPOCH + footer.timeStamp) * 1000).toISOString(),
      geometry: `${cylinders}/${heads}/${sectorsPerTrack}`,
      'saved state': footer.savedState !== 0,
    },
  };
}

function printable(text: string): string {
  return text.replace(/[^ -~]/g, '?').trimEnd();
}
