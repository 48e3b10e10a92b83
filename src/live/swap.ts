// Recognizes swap partitions. The first page of one is its header, with the label and UUID by which
// systems find it, and a signature at its end. Source: Linux, include/linux/swap.h (union
// swap_header).

import type { HostPartition } from '../host/host-disk.ts';
import { contentOf } from '../inspect/content.ts';
import { headView } from '../partitions/disk-view.ts';
import type { DirectDisk } from './direct-disk.ts';

const SIGNATURE = 'SWAPSPACE2';
const PAGE_SIZES = [4096, 8192, 16_384, 65_536];
const MAX_PAGE_SIZE = 65_536;

/** In bytes; has every page above, and what `contentOf` looks into. */
const HEAD_SIZE = 131_072;

/**
 * Where the fields of a swap header begin: its version, which is 1, and the number of its last
 * page.
 */
const INFO_OFFSET = 1024;

/** Where a boot sector, of a partition table or of FAT, has its signature. */
const BOOT_SIGNATURE_OFFSET = 510;

/**
 * Where the name-value list of a ZFS label begins, with its encoding: XDR. The bytes of a label
 * before it keep what was there earlier, such as a signature of swap.
 */
const ZFS_CONFIG_OFFSET = 16_384;
const NVLIST_XDR = 1;

/** What this machine does with a partition. */
export interface PartitionUse {
  /** The text of /proc/swaps: a partition listed there is swap whatever it begins with. */
  readonly swaps: string;
  /** Names of the devices that are built on it, `md0`. */
  readonly holders: readonly string[];
}

/**
 * Size of the header of a swap partition in bytes; undefined for any other partition, and where it
 * is in doubt: what follows the header is not copied.
 */
export async function swapHeaderSize(
  disk: DirectDisk,
  { diskOffset, size, path }: Pick<HostPartition, 'diskOffset' | 'size' | 'path'>,
  { swaps, holders }: PartitionUse,
): Promise<number | undefined> {
  const head = Buffer.alloc(Math.min(HEAD_SIZE, size));
  await disk.read(diskOffset, head);
  const page = PAGE_SIZES.find((end) => hasSignature(head, end));
  const isHeader = page !== undefined && !isRemnant(head, page, size);
  if (swaps.split('\n').some((line) => line.startsWith(`${path} `))) {
    return isHeader ? page : Math.min(MAX_PAGE_SIZE, size);
  }
  return isHeader && holders.length === 0 && !(await hasOther(head)) ? page : undefined;
}

function hasSignature(head: Buffer, pageEnd: number): boolean {
  return head.toString('latin1', pageEnd - SIGNATURE.length, pageEnd) === SIGNATURE;
}

/** Whether a signature of swap is a remnant, which another file system has not overwritten. */
function isRemnant(head: Buffer, page: number, size: number): boolean {
  if (head[ZFS_CONFIG_OFFSET] === NVLIST_XDR) return true; // if wrong, only copies more
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  return [true, false].every((little) => {
    const lastPage = view.getUint32(INFO_OFFSET + 4, little);
    const version = view.getUint32(INFO_OFFSET, little);
    return version !== 1 || lastPage === 0 || (lastPage + 1) * page > size;
  });
}

/**
 * Whether there is something beside the signature of swap: RAID and LVM, and a partition table in a
 * volume, leave that of an earlier use where it is.
 */
async function hasOther(head: Buffer): Promise<boolean> {
  if (head.readUInt16BE(BOOT_SIGNATURE_OFFSET) === 0x55aa) return true;
  const others = Buffer.from(head);
  for (const end of PAGE_SIZES) {
    if (hasSignature(head, end)) others.fill(0, end - SIGNATURE.length, end);
  }
  return (await contentOf(headView(others))) !== undefined;
}
