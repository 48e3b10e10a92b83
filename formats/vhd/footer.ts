import type { Disk } from '../contract.ts';
import { geometry } from './geometry.ts';
import {
  checksum,
  CREATOR_VERSION,
  EPOCH,
  FEATURES,
  footer,
  FOOTER_COOKIE,
  NO_OFFSET,
  VERSION,
} from './layout.ts';

/** What a footer tells besides the disk's identity. */
export interface FooterFacts {
  /** FIXED or DYNAMIC. */
  readonly diskType: number;
  /** In bytes, a multiple of SECTOR_SIZE. */
  readonly diskSize: number;
  /** Image offset of the dynamic disk header; NO_OFFSET by default. */
  readonly dataOffset?: bigint;
}

/** The footer of an image, sealed by its checksum. */
export function encodeFooter(disk: Disk, facts: FooterFacts): Uint8Array {
  const { diskType, diskSize, dataOffset = NO_OFFSET } = facts;
  const values = {
    cookie: FOOTER_COOKIE,
    features: FEATURES,
    fileFormatVersion: VERSION,
    dataOffset,
    timeStamp: Math.max(0, disk.createdAt - EPOCH),
    // Hyper-V's. QEMU (block/vpc.c) takes the size from the geometry, which is smaller, if it does not know the name.
    creatorApplication: 'win ',
    creatorVersion: CREATOR_VERSION,
    creatorHostOs: 'Wi2k',
    originalSize: BigInt(diskSize),
    currentSize: BigInt(diskSize),
    ...geometry(diskSize),
    diskType,
    checksum: 0,
    uniqueId: disk.uuid,
    savedState: 0,
    reserved: new Uint8Array(427),
  };
  return footer.encode({ ...values, checksum: checksum(footer.encode(values)) });
}
