// Opens a VHD: fixed, which is the disk and a footer, or dynamic, which has a table of blocks.
// Sectors that a differencing image lacks are in its parent.

import { exactNumber } from '../bounds.ts';
import { type ImageFacts, type ImageReader, type ReadRequest, SECTOR_SIZE } from '../contract.ts';
import { uuidText } from '../uuid.ts';
import { type Footer, readFooter } from './decode-footer.ts';
import { dynamicReader } from './dynamic-reader.ts';
import { damaged, unsupported } from './faults.ts';
import { fixedReader } from './fixed-reader.ts';
import { DIFFERENCING, DYNAMIC, EPOCH, FIXED } from './layout.ts';

/**
 * Opens a VHD of any type. The size of its disk is the footer's "Current Size", as for Hyper-V and
 * VirtualBox; Virtual PC, and QEMU for some creators, use the geometry, which is smaller. Rejects
 * with a FormatError if it is not a VHD or cannot be read.
 */
export async function readVhd({ input }: ReadRequest): Promise<ImageReader> {
  const footers = await readFooter(input);
  const { footer } = footers.used;
  const diskSize = exactNumber(footer.currentSize, 'vhd: the size of the disk');
  if (diskSize === 0 || diskSize % SECTOR_SIZE !== 0) {
    throw damaged(`a disk of ${diskSize} bytes, expected a multiple of ${SECTOR_SIZE}`);
  }
  const { diskType } = footer;
  const request = { input, footers, facts: factsOf(footer, diskSize) };
  if (diskType === FIXED) return fixedReader(request);
  if (diskType === DYNAMIC || diskType === DIFFERENCING) return dynamicReader(request);
  throw unsupported(
    `disk type ${diskType}, 2 (fixed), 3 (dynamic) and 4 (differencing) are supported`,
  );
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
