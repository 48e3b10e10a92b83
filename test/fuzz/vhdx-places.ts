// Where the structs of a VHDX are, by its region table, and the entries of its log.

import { guidText } from '../../formats/guid.ts';
import { struct as declare, u64 } from '../../formats/struct.ts';
import * as vhdx from '../../formats/vhdx/layout.ts';
import { type Place, struct } from './place.ts';

const LOG_OFFSET = 2 ** 20; // in images of ours and of QEMU's
const DESCRIPTORS = 4; // of an entry; hand-made logs have one or two

const batEntry = declare('little', 8, { entry: [0, u64] });

export const VHDX_PLACES: readonly Place[] = [
  { struct: struct(vhdx.header), at: () => vhdx.HEADER_OFFSETS, seal: sealing(vhdx.header.size) },
  {
    struct: struct(vhdx.header),
    at: () => [vhdx.HEADER_OFFSETS[1]],
    seal: sealing(vhdx.header.size),
  },
  { struct: struct(vhdx.regionTable), at: () => vhdx.REGION_TABLE_OFFSETS, seal: sealRegions },
  ...[0, 1, 2].map((i): Place => ({
    struct: struct(vhdx.regionEntry),
    at: () => vhdx.REGION_TABLE_OFFSETS.map((offset) => offset + 16 + i * 32),
    seal: sealRegions,
  })),
  { struct: struct(vhdx.metadataTable), at: (image) => within(image, vhdx.METADATA_REGION, 0) },
  ...[0, 1, 2, 3, 4, 5].map((i): Place => ({
    struct: struct(vhdx.metadataEntry),
    at: (image) => within(image, vhdx.METADATA_REGION, 32 + i * 32),
  })),
  {
    struct: struct(vhdx.fileParameters),
    at: (image) => within(image, vhdx.METADATA_REGION, 65_536),
  },
  // Sizes, and what a parent locator begins with: numbers of 8 bytes one after the other.
  ...[8, 32, 4096, 4112, 4120, 4128].map((offset): Place => ({
    struct: struct(batEntry),
    at: (image) => within(image, vhdx.METADATA_REGION, 65_536 + offset),
  })),
  // The first blocks, and the entry of a sector bitmap after 4096 of 1 MiB.
  ...[0, 1, 2, 3, 4096].map((index): Place => ({
    struct: struct(batEntry),
    at: (image) => within(image, vhdx.BAT_REGION, 8 * index),
  })),
  { struct: struct(vhdx.logEntryHeader), at: logEntries, seal: sealLogEntry },
  ...Array.from({ length: DESCRIPTORS }, (_, i) =>
    [vhdx.dataDescriptor, vhdx.zeroDescriptor].map((descriptor): Place => ({
      struct: struct(descriptor),
      at: (image) => logEntries(image).map((offset) => offset + 64 + 32 * i),
      seal: (image, offset) => sealLogEntry(image, offset - 64 - 32 * i),
    })),
  ).flat(),
];

function sealing(size: number) {
  return (image: Buffer, offset: number) => {
    vhdx.seal(image.subarray(offset, offset + size));
  };
}

function sealRegions(image: Buffer): void {
  for (const offset of vhdx.REGION_TABLE_OFFSETS) sealing(vhdx.REGION_TABLE_SIZE)(image, offset);
}

/** A place in a region of the image; none if the image has none. */
function within(image: Buffer, region: string, offset: number): number[] {
  const [table] = vhdx.REGION_TABLE_OFFSETS;
  for (const entry of [table + 16, table + 48]) {
    if (entry + 32 > image.length) return [];
    const { guid, imageOffset } = vhdx.regionEntry.decode(image.subarray(entry));
    if (guidText(guid) === region) return [Number(imageOffset) + offset];
  }
  return [];
}

/** Where the log has entries, in its first sectors. */
function logEntries(image: Buffer): number[] {
  const sectors = Array.from({ length: 8 }, (_, i) => LOG_OFFSET + i * vhdx.LOG_SECTOR_SIZE);
  return sectors.filter((offset) => image.toString('latin1', offset, offset + 4) === 'loge');
}

function sealLogEntry(image: Buffer, offset: number): void {
  if (offset + 64 > image.length) return;
  const { entryLength } = vhdx.logEntryHeader.decode(image.subarray(offset));
  if (entryLength >= 64) sealing(entryLength)(image, offset);
}
