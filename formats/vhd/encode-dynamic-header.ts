import {
  blockCountOf,
  dynamicHeader,
  DYNAMIC_COOKIE,
  NO_OFFSET,
  seal,
  VERSION,
  VHD_BLOCK_SIZE,
} from './layout.ts';

/** Encodes the dynamic disk header. The size is that of the disk; all numbers are in bytes. */
export function encodeDynamicHeader(diskSize: number, tableOffset: number): Uint8Array {
  return seal(dynamicHeader, {
    cookie: DYNAMIC_COOKIE,
    dataOffset: NO_OFFSET,
    tableOffset: BigInt(tableOffset),
    headerVersion: VERSION,
    maxTableEntries: blockCountOf(diskSize),
    blockSize: VHD_BLOCK_SIZE,
    checksum: 0,
    parentUniqueId: new Uint8Array(16),
    parentTimeStamp: 0,
    reserved: 0,
    parentUnicodeName: new Uint8Array(512),
    parentLocators: new Uint8Array(8 * 24),
    reservedEnd: new Uint8Array(256),
  });
}
