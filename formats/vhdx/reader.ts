// Opens a VHDX: headers -> log, replayed in memory -> regions -> metadata -> the table of blocks,
// in pieces.

import type { ImageReader, ReadRequest } from '../contract.ts';
import { guidText } from '../guid.ts';
import { extentsOf } from './block-extents.ts';
import { blockTableOf } from './block-table.ts';
import { checkImage } from './check.ts';
import { type Header, readCreator, readHeader } from './decode-headers.ts';
import { type Metadata, readMetadata } from './decode-metadata.ts';
import { decodeParentLocator } from './decode-parent-locator.ts';
import { readRegions } from './decode-regions.ts';
import { replayLog } from './replay-log.ts';

/**
 * Opens a VHDX of any type. One that was not closed is read as if its log had been replayed, which
 * the specification demands of everybody; the file stays as it is.
 */
export async function readVhdx({ input }: ReadRequest): Promise<ImageReader> {
  const creator = await readCreator(input);
  const header = await readHeader(input);
  const replayed = await replayLog(input, header);
  const regions = await readRegions(replayed);
  const metadata = await readMetadata(replayed, regions.metadata);
  const table = blockTableOf(replayed, regions.table, metadata);
  const { parentLocator } = metadata;
  const backing = parentLocator && decodeParentLocator(parentLocator);
  const log = { what: 'the log', offset: Number(header.logOffset), length: header.logLength };
  return {
    facts: {
      format: 'vhdx',
      subformat: subformatOf(metadata),
      diskSize: metadata.diskSize,
      id: guidText(header.dataWriteGuid),
      details: detailsOf(creator, header, metadata, replayed.entryCount),
      backing,
    },
    extents: (from = 0) => extentsOf(table, from),
    check: () => checkImage(table, regions, log),
  };
}

function subformatOf({ parentLocator, isFixed }: Metadata): string {
  if (parentLocator) return 'differencing';
  return isFixed ? 'fixed' : 'dynamic';
}

function detailsOf(
  creator: string,
  { dataWriteGuid }: Header,
  { blockSize, logicalSectorSize, physicalSectorSize, diskId }: Metadata,
  entryCount: number,
): ImageReader['facts']['details'] {
  return {
    creator: creator.replace(/[^ -~]/g, '?'),
    'block size': blockSize,
    'logical sector size': logicalSectorSize,
    'physical sector size': physicalSectorSize,
    ...(diskId !== undefined && { 'virtual disk ID': diskId }),
    'data write GUID': guidText(dataWriteGuid),
    ...(entryCount > 0 && { 'log entries replayed': entryCount }),
  };
}
