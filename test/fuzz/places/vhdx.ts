// The numbers in a VHDX: headers, region tables, metadata, block allocation table, log.

import { guidText } from '../../../formats/guid.ts';
import * as vhdx from '../../../formats/vhdx/layout.ts';
import { type At, entryOf, fieldsOf, type Place } from '../place.ts';
import type { Random } from '../random.ts';
import type { Scratch } from '../scratch.ts';

const LOG_OFFSET = 2 ** 20; // in images of ours and of QEMU's
const LOG_SECTORS = 8;
const DESCRIPTORS = 4; // of an entry; hand-made logs have one or two
const ENTRY_HEADER = vhdx.logEntryHeader.size;
const [FIRST_REGIONS, SECOND_REGIONS] = vhdx.REGION_TABLE_OFFSETS;

/** "BAT entry": states of blocks and of sector bitmaps. */
const STATES = [0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n];

const header: At = (_, random) => random.pick(vhdx.HEADER_OFFSETS);
const sealHeader = (image: Scratch, offset: number) => {
  seal(image, offset, vhdx.header.size);
};
const metadata = (offset: number): At => within(vhdx.METADATA_REGION, () => offset);
const wide = (at: At): Place => ({ at, width: 8, order: 'little' });

export const VHDX_PLACES: readonly Place[] = [
  ...fieldsOf(vhdx.header, {
    at: () => vhdx.HEADER_OFFSETS[0],
    copies: () => [vhdx.HEADER_OFFSETS[1]],
    seal: (image) => {
      for (const offset of vhdx.HEADER_OFFSETS) sealHeader(image, offset);
    },
  }),
  ...fieldsOf(vhdx.header, { at: header, seal: sealHeader }),
  ...fieldsOf(vhdx.regionTable, { at: () => FIRST_REGIONS, copies: inBoth, seal: sealRegions }),
  ...fieldsOf(vhdx.regionEntry, {
    at: (_, random) => FIRST_REGIONS + 16 + 32 * random.below(3),
    copies: inBoth,
    seal: sealRegions,
  }),
  ...fieldsOf(vhdx.metadataTable, { at: metadata(0) }),
  ...fieldsOf(vhdx.metadataEntry, {
    at: within(vhdx.METADATA_REGION, (random) => 32 + 32 * random.below(6)),
  }),
  ...fieldsOf(vhdx.fileParameters, { at: metadata(65_536) }),
  // Sizes, and what a parent locator begins with: numbers of 8 bytes one after the other.
  ...[8, 32, 4096, 4112, 4120, 4128].map((offset) => wide(metadata(65_536 + offset))),
  ...Array<Place>(8).fill({ ...wide(entryOf(blocks, 8)), values: STATES }),
  { at: entryOf(blocks, 8), width: 1, order: 'little', values: STATES },
  wide(within(vhdx.BAT_REGION, () => 8 * 4096)), // of a sector bitmap, after 4096 blocks of 1 MiB
  ...fieldsOf(vhdx.logEntryHeader, { at: logEntry, seal: sealLogEntry }),
  ...[vhdx.dataDescriptor, vhdx.zeroDescriptor].flatMap((descriptor) =>
    fieldsOf(descriptor, {
      at: (image, random) => {
        const entry = logEntry(image, random);
        return entry === undefined ? entry : entry + ENTRY_HEADER + 32 * random.below(DESCRIPTORS);
      },
      seal: (image, offset) => {
        const sector = Math.floor(offset / vhdx.LOG_SECTOR_SIZE) * vhdx.LOG_SECTOR_SIZE;
        sealLogEntry(image, sector);
      },
    }),
  ),
];

function seal(image: Scratch, offset: number, size: number): void {
  if (offset + size <= image.bytes.length) vhdx.seal(image.edit(offset, size));
}

function inBoth(_: Buffer, offset: number): number[] {
  return [offset - FIRST_REGIONS + SECOND_REGIONS];
}

function sealRegions(image: Scratch): void {
  for (const offset of vhdx.REGION_TABLE_OFFSETS) seal(image, offset, vhdx.REGION_TABLE_SIZE);
}

/** A place in a region of the image. */
function within(region: string, offset: (random: Random) => number): At {
  return (image, random) => {
    const start = regionAt(image, region);
    return start === undefined ? undefined : start + offset(random);
  };
}

function regionAt(image: Buffer, region: string): number | undefined {
  for (const entry of [FIRST_REGIONS + 16, FIRST_REGIONS + 48]) {
    if (entry + 32 > image.length) return undefined;
    const { guid, imageOffset } = vhdx.regionEntry.decode(image.subarray(entry));
    if (guidText(guid) === region) return Number(imageOffset);
  }
  return undefined;
}

function blocks(image: Buffer) {
  const start = regionAt(image, vhdx.BAT_REGION);
  return start === undefined ? undefined : { start, count: 8 };
}

/** Where the log has an entry, in its first sectors. */
function logEntry(image: Buffer, random: Random): number | undefined {
  const offset = LOG_OFFSET + random.below(LOG_SECTORS) * vhdx.LOG_SECTOR_SIZE;
  return image.toString('latin1', offset, offset + 4) === 'loge' ? offset : undefined;
}

function sealLogEntry(image: Scratch, offset: number): void {
  if (offset + ENTRY_HEADER > image.bytes.length) return;
  const { entryLength } = vhdx.logEntryHeader.decode(image.bytes.subarray(offset));
  if (entryLength >= ENTRY_HEADER) seal(image, offset, entryLength);
}
