// The numbers in a VHD: the footer and its copy at the start, the dynamic header, the table, the
// bitmaps.

import type { Struct } from '../../../formats/struct.ts';
import * as vhd from '../../../formats/vhd/layout.ts';
import { entryOf, fieldsOf, fixed, fromEnd, oneOf, type Place } from '../place.ts';
import type { Random } from '../random.ts';
import type { Scratch } from '../scratch.ts';

const FOOTER = vhd.footer.size;

const last = (image: Buffer) => image.length - FOOTER;

export const VHD_PLACES: readonly Place[] = [
  ...fieldsOf(
    vhd.footer,
    { at: fromEnd(FOOTER), seal: sealing(vhd.footer) },
    {
      diskType: [0n, 2n, 3n, 4n],
    },
  ),
];

export const VHD_DYNAMIC_PLACES: readonly Place[] = [
  // Both copies alike, and one alone.
  ...fieldsOf(
    vhd.footer,
    {
      at: fixed(0),
      copies: (image) => [last(image)],
      seal: (image) => {
        for (const at of [0, last(image.bytes)]) sealing(vhd.footer)(image, at);
      },
    },
    { diskType: [0n, 2n, 3n, 4n] },
  ),
  ...fieldsOf(vhd.footer, { at: oneOf(fixed(0), fromEnd(FOOTER)), seal: sealing(vhd.footer) }),
  ...fieldsOf(vhd.dynamicHeader, { at: fixed(FOOTER), seal: sealing(vhd.dynamicHeader) }),
  ...Array<Place>(6).fill({ at: entryOf(table, vhd.BAT_ENTRY_SIZE), width: 4, order: 'big' }),
  { at: bitmap, width: 1, order: 'big', values: [0n, 0xffn, 0x55n] },
];

function sealing<V extends { checksum: number }>(type: Struct<V>) {
  return (image: Scratch, offset: number): void => {
    if (offset < 0 || offset + type.size > image.bytes.length) return;
    const bytes = image.edit(offset, type.size);
    bytes.set(vhd.seal(type, type.decode(bytes)));
  };
}

function table(image: Buffer) {
  if (image.length < FOOTER + vhd.dynamicHeader.size) return undefined;
  const { tableOffset, maxTableEntries } = vhd.dynamicHeader.decode(image.subarray(FOOTER));
  return { start: Number(tableOffset), count: maxTableEntries };
}

/** A byte of the bitmap of a block. */
function bitmap(image: Buffer, random: Random): number | undefined {
  const at = entryOf(table, vhd.BAT_ENTRY_SIZE)(image, random);
  if (at === undefined || at + 4 > image.length) return undefined;
  return image.readUInt32BE(at) * 512 + random.below(vhd.BITMAP_SIZE);
}
