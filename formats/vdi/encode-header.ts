import type { Disk } from '../contract.ts';
import { swapGuid } from '../guid.ts';
import {
  DYNAMIC,
  header,
  HEADER_SIZE,
  NO_GEOMETRY,
  SIGNATURE,
  TEXT,
  VDI_BLOCK_SIZE,
  VERSION,
} from './layout.ts';
import { uuidOfImage } from '../uuid.ts';

/** What a header says besides the disk's identity; offsets in bytes. */
export interface HeaderFacts {
  readonly diskSize: number;
  readonly mapOffset: number;
  readonly dataOffset: number;
  /** Blocks of the disk, and how many of them the image has. */
  readonly blockCount: number;
  readonly allocatedCount: number;
}

/** The header of a dynamic image. */
export function encodeHeader({ uuid }: Pick<Disk, 'uuid'>, facts: HeaderFacts): Uint8Array {
  const own = swapGuid(uuidOfImage(uuid, 5));
  const none = new Uint8Array(16);
  return header.encode({
    text: TEXT,
    signature: SIGNATURE,
    version: VERSION,
    headerSize: HEADER_SIZE,
    type: DYNAMIC,
    flags: 0,
    comment: new Uint8Array(256),
    ...facts,
    diskSize: BigInt(facts.diskSize),
    legacyGeometry: NO_GEOMETRY,
    unused: 0,
    blockSize: VDI_BLOCK_SIZE,
    blockExtra: 0,
    // VirtualBox calls a header invalid that lacks either; QEMU one with the other two.
    uuidCreate: own,
    uuidModify: own,
    uuidLinkage: none,
    uuidParentModify: none,
    geometry: NO_GEOMETRY,
    reserved: new Uint8Array(40),
  });
}
