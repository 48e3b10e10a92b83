// Opens a VDI: header -> map, in pieces.

import type { ImageReader, ReadRequest } from '../contract.ts';
import { guidText } from '../guid.ts';
import { extentsOf } from './block-map.ts';
import { checkMap } from './check.ts';
import { readHeader } from './decode-header.ts';
import { FIXED } from './layout.ts';

/** Opens a dynamic or fixed VDI of version 1, of VirtualBox's or any other's. */
export async function readVdi({ input }: ReadRequest): Promise<ImageReader> {
  const header = await readHeader(input);
  return {
    facts: {
      format: 'vdi',
      subformat: header.type === FIXED ? 'fixed' : 'dynamic',
      diskSize: header.diskSize,
      details: {
        version: `${header.version >>> 16}.${header.version & 0xffff}`,
        'block size': header.blockSize,
        'blocks in the image': header.allocatedCount,
        'creation UUID': guidText(header.uuidCreate),
        'modification UUID': guidText(header.uuidModify),
      },
    },
    extents: (from = 0) => extentsOf(input, header, from),
    check: () => checkMap(input, header),
  };
}
