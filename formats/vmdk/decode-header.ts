// The header of a sparse extent, and the footer that replaces it in a stream.

import { exactNumber, isPowerOfTwo } from '../bounds.ts';
import { type ImageInput, MAX_COMPRESSED_EXTENT, SECTOR_SIZE } from '../contract.ts';
import { isZero } from '../zeros.ts';
import { damaged, unsupported } from './faults.ts';
import {
  DEFLATE,
  FOOTER,
  GD_AT_END,
  HAS_NEWLINE_TEST,
  header as headerStruct,
  IS_COMPRESSED,
  MAGIC,
  marker,
  MAX_TABLE_GRAINS,
  MAX_TABLES,
  NEWLINE_TEST,
  VERSION,
} from './layout.ts';

/** The values of the header. */
export type Header = ReturnType<typeof headerStruct.decode>;

/** A header that was checked. Sizes are in bytes. */
export interface SparseHeader {
  /** The header, with the place of the directory from the footer if there is one. */
  readonly header: Header;
  /** Whether there is a footer. */
  readonly hasFooter: boolean;
  /** Size of the disk. */
  readonly size: number;
  readonly grainSize: number;
  /** Grains of one table. */
  readonly tableGrains: number;
  readonly tableCount: number;
}

/**
 * The end of a stream in sectors: the marker of the footer, the footer, the end-of-stream marker.
 */
const END_SECTORS = 3;

/** Reads the header of a sparse extent. Rejects with a FormatError if it cannot be right. */
export async function readHeader(input: ImageInput): Promise<SparseHeader> {
  const front = headerStruct.decode(await input.read(0, headerStruct.size));
  checkHeader(front);
  const hasFooter = front.gdOffset === GD_AT_END;
  const header = hasFooter ? await readFooter(input, front) : front;
  const size = exactNumber(header.capacity * BigInt(SECTOR_SIZE), 'vmdk: the capacity');
  const grainSize = grainSizeOf(header);
  const tableGrains = header.numGTEsPerGT;
  const tableCount = Math.ceil(size / (grainSize * tableGrains));
  if (tableCount > MAX_TABLES) {
    throw unsupported(`${tableCount} grain tables, at most ${MAX_TABLES} can be read`);
  }
  return { header, hasFooter, size, grainSize, tableGrains, tableCount };
}

function checkHeader(header: Header): void {
  const { magic, version, flags, compressAlgorithm, numGTEsPerGT } = header;
  if (magic !== MAGIC) throw damaged('a sparse extent does not begin with "KDMV"');
  if (version < 1 || version > VERSION) {
    throw unsupported(`the image has version ${version}, versions 1 to ${VERSION} are supported`);
  }
  const isText = Object.entries(NEWLINE_TEST).some(
    ([name, byte]) => header[name as keyof typeof NEWLINE_TEST] !== byte,
  );
  if (flags & HAS_NEWLINE_TEST && isText) {
    throw damaged('the newline test failed: the image was transferred as text');
  }
  const algorithm = flags & IS_COMPRESSED ? DEFLATE : 0;
  if (compressAlgorithm !== algorithm) {
    throw damaged(
      `compression ${compressAlgorithm}, by the flags of the header it is ${algorithm}`,
    );
  }
  if (numGTEsPerGT < 1) throw damaged('grain tables of 0 entries, usually they have 512');
  if (numGTEsPerGT > MAX_TABLE_GRAINS) {
    const found = `grain tables of ${numGTEsPerGT} entries`;
    throw unsupported(`${found}, at most ${MAX_TABLE_GRAINS} can be read`);
  }
}

function grainSizeOf({ grainSize }: Header): number {
  const size = Number(grainSize) * SECTOR_SIZE;
  if (!isPowerOfTwo(size) || size < SECTOR_SIZE) {
    throw damaged(`grains of ${grainSize} sectors, expected a power of two`);
  }
  if (size <= MAX_COMPRESSED_EXTENT) return size;
  throw unsupported(`grains of ${size} bytes, at most ${MAX_COMPRESSED_EXTENT} can be read`);
}

/** Reads the footer, which must equal the header except for the place of the directory. */
async function readFooter(input: ImageInput, header: Header): Promise<Header> {
  const start = input.size - END_SECTORS * SECTOR_SIZE;
  if (start < SECTOR_SIZE) throw damaged('the image ends before its footer');
  const end = await input.read(start, END_SECTORS * SECTOR_SIZE);
  const { type, size, sectorCount } = marker.decode(end);
  if (type !== FOOTER || size !== 0 || sectorCount !== 1n) {
    throw damaged(`there is no footer at ${start}: the image was cut off, or bytes follow its end`);
  }
  if (!isZero(end.subarray(2 * SECTOR_SIZE))) {
    throw damaged('the image does not end with an end-of-stream marker');
  }
  const footer = headerStruct.decode(end.subarray(SECTOR_SIZE));
  for (const name of Object.keys(header) as (keyof Header)[]) {
    if (name === 'gdOffset' || footer[name] === header[name]) continue;
    throw damaged(`${name} is ${footer[name]} in the footer, but ${header[name]} in the header`);
  }
  if (footer.gdOffset !== GD_AT_END) return footer;
  throw damaged('the footer does not say where the grain directory is');
}
