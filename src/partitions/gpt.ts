// Reads the primary GPT as Linux does (block/partitions/efi.c), which uses the backup only on
// request. The disk may be hostile.

import { crc32 } from '../runtime/crc32.ts';
import type { DiskView } from './disk-view.ts';
import { gptEntry, gptHeader, GPT_SIGNATURE, PRIMARY_LBA, SECTOR_SIZES } from './layout.ts';

/** The fields of a header. */
export type GptHeader = ReturnType<typeof gptHeader.decode>;

/** A primary header with a valid checksum. */
export interface Gpt {
  /** The unit of the table's addresses, in bytes. */
  readonly sectorSize: number;
  readonly header: GptHeader;
}

/**
 * In bytes. Limits of this program, far above the 128 entries of 128 bytes that partitioners make.
 */
const MAX_ENTRY_SIZE = 1024;
const MAX_ARRAY_SIZE = 2 ** 20;

/**
 * Finds the primary GPT; undefined if its header is missing or damaged. Throws only what the reader
 * of the disk throws.
 */
export async function findGpt(disk: DiskView): Promise<Gpt | undefined> {
  for (const sectorSize of SECTOR_SIZES) {
    const sector = await disk.at(sectorSize, sectorSize);
    if (isSoundHeader(sector)) return { sectorSize, header: gptHeader.decode(sector) };
  }
  return undefined;
}

/**
 * Reads the array of entries and checks it; returns a clause if something is wrong with it. Of an
 * array larger than 1 MiB only the front is read, without a check.
 */
export async function readEntries(
  disk: DiskView,
  { sectorSize, header }: Gpt,
): Promise<Uint8Array | { readonly problem: string }> {
  const { entrySize, entryCount, partitionEntryLba } = header;
  if (entrySize < gptEntry.size || entrySize > MAX_ENTRY_SIZE) {
    return { problem: `its entries claim ${entrySize} bytes each` };
  }
  const readCount = Math.min(entryCount, Math.floor(MAX_ARRAY_SIZE / entrySize));
  const array = await disk.at(Number(partitionEntryLba) * sectorSize, readCount * entrySize);
  if (readCount === entryCount && crc32(array) !== header.entryArrayCrc32) {
    return { problem: 'its entries are damaged' };
  }
  return array;
}

/** Encodes a copy of the header sector `model` with other values and a new checksum. */
export function encodeHeader(values: GptHeader, model: Uint8Array): Uint8Array {
  const sector = model.slice();
  sector.set(gptHeader.encode(values));
  sector.set(gptHeader.encode({ ...values, headerCrc32: headerCrc(sector, values.headerSize) }));
  return sector;
}

function isSoundHeader(sector: Uint8Array): boolean {
  const { signature, headerSize, headerCrc32, myLba } = gptHeader.decode(sector);
  if (signature !== GPT_SIGNATURE || myLba !== PRIMARY_LBA) return false;
  if (headerSize < gptHeader.size || headerSize > sector.length) return false;
  return headerCrc(sector, headerSize) === headerCrc32;
}

function headerCrc(sector: Uint8Array, headerSize: number): number {
  const summed = sector.slice(0, headerSize);
  summed.set(gptHeader.encode({ ...gptHeader.decode(sector), headerCrc32: 0 }));
  return crc32(summed);
}
