import * as vdi from '../../../formats/vdi/layout.ts';
import { entryOf, fieldsOf, fixed, type Place } from '../place.ts';

/** The numbers in a VDI: the header, and the map. */
export const VDI_PLACES: readonly Place[] = [
  ...fieldsOf(vdi.header, { at: fixed(0) }, { type: [1n, 2n, 3n, 4n], blockSize: [2n ** 20n] }),
  ...Array<Place>(12).fill({
    at: entryOf(map, vdi.MAP_ENTRY_SIZE),
    width: 4,
    order: 'little',
    values: [BigInt(vdi.FREE), BigInt(vdi.ZERO)],
  }),
];

function map(image: Buffer) {
  if (image.length < vdi.header.size) return undefined;
  const { mapOffset, blockCount } = vdi.header.decode(image);
  return { start: mapOffset, count: blockCount };
}
