import { COMPRESSED, COMPRESSED_SECTOR, compressedOffsetBits } from './layout.ts';

/** "Compressed Clusters Descriptor", an L2 entry: how many sectors follow the one in which the data begins. */
export function compressedDescriptor(
  imageOffset: number,
  length: number,
  clusterBits: number,
): bigint {
  const firstSector = Math.floor(imageOffset / COMPRESSED_SECTOR);
  const lastSector = Math.floor((imageOffset + length - 1) / COMPRESSED_SECTOR);
  const additional = BigInt(lastSector - firstSector);
  return (
    COMPRESSED | (additional << BigInt(compressedOffsetBits(clusterBits))) | BigInt(imageOffset)
  );
}
