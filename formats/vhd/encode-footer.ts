import type { Disk } from '../contract.ts';
import { geometry } from './geometry.ts';
import {
  CREATOR_VERSION,
  EPOCH,
  FEATURES,
  FIXED,
  footer,
  FOOTER_COOKIE,
  MAX_TIME_STAMP,
  NO_OFFSET,
  seal,
  VERSION,
} from './layout.ts';
import { uuidOfImage } from '../uuid.ts';

/** What a footer says besides the identity of the disk. */
export interface FooterFacts {
  /** FIXED or DYNAMIC. */
  readonly diskType: number;
  /** In bytes, a multiple of SECTOR_SIZE. */
  readonly diskSize: number;
  /** Image offset of the dynamic disk header. Default: NO_OFFSET. */
  readonly dataOffset?: bigint;
}

/** Encodes the footer with its checksum. */
export function encodeFooter(disk: Disk, facts: FooterFacts): Uint8Array {
  const { diskType, diskSize, dataOffset = NO_OFFSET } = facts;
  return seal(footer, {
    cookie: FOOTER_COOKIE,
    features: FEATURES,
    fileFormatVersion: VERSION,
    dataOffset,
    timeStamp: Math.min(Math.max(0, disk.createdAt - EPOCH), MAX_TIME_STAMP),
    // Hyper-V's. For names that it does not know, QEMU (block/vpc.c) takes the size of the disk
    // from the geometry, which is smaller.
    creatorApplication: 'win ',
    creatorVersion: CREATOR_VERSION,
    creatorHostOs: 'Wi2k',
    originalSize: BigInt(diskSize),
    currentSize: BigInt(diskSize),
    ...geometry(diskSize),
    diskType,
    checksum: 0,
    uniqueId: uuidOfImage(disk.uuid, diskType === FIXED ? 1 : 2),
    savedState: 0,
    reserved: new Uint8Array(427),
  });
}
