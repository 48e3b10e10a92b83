import { exactNumber, isPowerOfTwo } from '../bounds.ts';
import { type ImageInput, SECTOR_SIZE } from '../contract.ts';
import { damaged, unsupported } from './faults.ts';
import {
  DIFFERENCING,
  DYNAMIC,
  FIXED,
  header,
  MAP_ENTRY_SIZE,
  MAX_BLOCKS,
  MIN_HEADER_SIZE,
  SIGNATURE,
  UNDO,
} from './layout.ts';

export type Header = Omit<ReturnType<typeof header.decode>, 'diskSize'> & {
  /** In bytes. */
  readonly diskSize: number;
};

/** Reads the header. Throws a FormatError if the image is none, or cannot be read by itself. */
export async function readHeader(input: ImageInput): Promise<Header> {
  const found = header.decode(await input.read(0, header.size));
  checkKind(found);
  const diskSize = exactNumber(found.diskSize, 'vdi: the size of the disk');
  if (diskSize === 0 || diskSize % SECTOR_SIZE !== 0) {
    throw damaged(`a disk of ${diskSize} bytes, which are no whole sectors`);
  }
  const decoded = { ...found, diskSize };
  checkBlocks(decoded, input);
  return decoded;
}

function checkKind({ signature, version, headerSize, type }: ReturnType<typeof header.decode>) {
  if (signature !== SIGNATURE) throw damaged('the file does not begin like a VDI');
  if (version >>> 16 !== 1) {
    throw unsupported(
      `version ${version >>> 16}.${version & 0xffff} of the format, only 1 is known`,
    );
  }
  if (headerSize < MIN_HEADER_SIZE) {
    throw damaged(`a header of ${headerSize} bytes, ${MIN_HEADER_SIZE} are the least`);
  }
  if (type === DIFFERENCING || type === UNDO) {
    // Its parent is known by UUIDs alone, which lead to no file.
    throw unsupported('a differencing image: merge it with its parent (VBoxManage clonemedium)');
  }
  if (type !== DYNAMIC && type !== FIXED) {
    throw unsupported(`an image of type ${type}, only 1 (dynamic) and 2 (fixed) are known`);
  }
}

function checkBlocks(found: Header, input: ImageInput): void {
  const { diskSize, blockSize, blockExtra, blockCount, allocatedCount, mapOffset, dataOffset } =
    found;
  if (!isPowerOfTwo(blockSize) || blockSize < SECTOR_SIZE || blockExtra !== 0) {
    throw unsupported(
      `blocks of ${blockSize} bytes and ${blockExtra} before them, a power of two and none are expected`,
    );
  }
  if (blockCount > MAX_BLOCKS) {
    throw unsupported(`a disk of ${blockCount} blocks, ${MAX_BLOCKS} are the most here`);
  }
  if (blockCount * blockSize < diskSize || allocatedCount > blockCount) {
    throw damaged(
      `${allocatedCount} of ${blockCount} blocks of ${blockSize} bytes, of a disk of ${diskSize}`,
    );
  }
  const mapEnd = mapOffset + blockCount * MAP_ENTRY_SIZE;
  if (mapOffset < header.size || mapEnd > input.size || dataOffset < mapEnd) {
    throw damaged(
      `the map ends at ${mapEnd}, the data begin at ${dataOffset}, the image ends at ${input.size}`,
    );
  }
}
