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

// Around its deflate stream a zlib stream (RFC 1950) has a header and an Adler-32.
const ZLIB_HEADER = 2;
const ZLIB_TRAILER = 4;

/** What a cluster compressed by zlib holds of a zlib stream: the deflate stream in it (RFC 1951). */
export function deflateOf(zlibStream: Uint8Array): Uint8Array {
  return zlibStream.subarray(ZLIB_HEADER, zlibStream.length - ZLIB_TRAILER);
}
