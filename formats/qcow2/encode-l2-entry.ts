import { COMPRESSED, COMPRESSED_SECTOR, compressedOffsetBits } from './layout.ts';

/** "Compressed Clusters Descriptor": the L2 entry of a cluster that is stored compressed. */
export function encodeCompressed(imageOffset: number, length: number, clusterBits: number): bigint {
  const firstSector = Math.floor(imageOffset / COMPRESSED_SECTOR);
  const lastSector = Math.floor((imageOffset + length - 1) / COMPRESSED_SECTOR);
  const additional = BigInt(lastSector - firstSector);
  return (
    COMPRESSED | (additional << BigInt(compressedOffsetBits(clusterBits))) | BigInt(imageOffset)
  );
}

// A zlib stream (RFC 1950) is a header, a deflate stream and an Adler-32.
const ZLIB_HEADER = 2;
const ZLIB_TRAILER = 4;

/** The deflate stream (RFC 1951) in a zlib stream, which is what qcow2 stores; a view. */
export function deflateOf(zlibStream: Uint8Array): Uint8Array {
  return zlibStream.subarray(ZLIB_HEADER, zlibStream.length - ZLIB_TRAILER);
}
