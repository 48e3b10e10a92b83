// Recognizes swap partitions. The first page of one is its header, with the label and UUID by which
// systems find it, and a signature at its end. Source: Linux, include/linux/swap.h (union
// swap_header).

import type { HostPartition } from '../host/host-disk.ts';
import type { DirectDisk } from './direct-disk.ts';

const SIGNATURES = ['SWAPSPACE2', 'SWAP-SPACE'];
const PAGE_SIZES = [4096, 8192, 16_384, 65_536];

/**
 * Where the fields of a swap header begin: its version, which is 1, and the number of its last
 * page.
 */
const INFO_OFFSET = 1024;

/**
 * Where the name-value list of a ZFS label begins, with its encoding: XDR. The bytes of a label
 * before it keep what was there earlier, such as a signature of swap.
 */
const ZFS_CONFIG_OFFSET = 16_384;
const NVLIST_XDR = 1;

/**
 * Size of the header of a swap partition in bytes; undefined for any other partition. `inUse` is
 * the text of /proc/swaps: a partition listed there counts as swap whatever it begins with.
 */
export async function swapHeaderSize(
  disk: DirectDisk,
  { diskOffset, size, path }: Pick<HostPartition, 'diskOffset' | 'size' | 'path'>,
  inUse: string,
): Promise<number | undefined> {
  const head = new Uint8Array(Math.min(65_536, size));
  await disk.read(diskOffset, head);
  const text = Buffer.from(head).toString('latin1');
  const page = PAGE_SIZES.find((end) => SIGNATURES.includes(text.slice(end - 10, end)));
  if (page !== undefined && !isRemnant(head, page, size)) return page;
  return inUse.split('\n').some((line) => line.startsWith(`${path} `)) ? head.length : undefined;
}

/** Whether a signature of swap is a remnant, which another file system has not overwritten. */
function isRemnant(head: Uint8Array, page: number, size: number): boolean {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (head[ZFS_CONFIG_OFFSET] === NVLIST_XDR) return true; // if wrong, only copies more
  return [true, false].every((little) => {
    const lastPage = view.getUint32(INFO_OFFSET + 4, little);
    const version = view.getUint32(INFO_OFFSET, little);
    return version !== 1 || lastPage === 0 || (lastPage + 1) * page > size;
  });
}
