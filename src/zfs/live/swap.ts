// A swap partition: its first page says that it is one, and has the label and UUID by which it is
// found. Source: Linux, include/linux/swap.h (union swap_header): the signature is at the end of
// the first page.

import type { HostPartition } from '../../host/host-disk.ts';
import type { DirectDisk } from './direct-disk.ts';

const SIGNATURES = ['SWAPSPACE2', 'SWAP-SPACE'];
const PAGE_SIZES = [4096, 8192, 16_384, 65_536];

/**
 * Where a swap header goes on after its boot block: its version, 1, and the number of its last
 * page.
 */
const INFO_OFFSET = 1024;

/**
 * Where the labels of ZFS, which leave what was there before them, have a name-value list: its
 * encoding, XDR.
 */
const ZFS_CONFIG_OFFSET = 16_384;
const NVLIST_XDR = 1;

/**
 * Size of the header of a swap partition in bytes; undefined for any other. `inUse` is the text of
 * /proc/swaps, where a partition that is in use is found whatever it begins with.
 */
export async function swapHeaderSize(
  disk: DirectDisk,
  { diskOffset, size, path }: HostPartition,
  inUse: string,
): Promise<number | undefined> {
  const head = new Uint8Array(Math.min(65_536, size));
  await disk.read(diskOffset, head);
  const text = Buffer.from(head).toString('latin1');
  const page = PAGE_SIZES.find((end) => SIGNATURES.includes(text.slice(end - 10, end)));
  if (page !== undefined && !isRemnant(head, page, size)) return page;
  return inUse.split('\n').some((line) => line.startsWith(`${path} `)) ? head.length : undefined;
}

/** Whether a signature of swap is what another file system has left there. */
function isRemnant(head: Uint8Array, page: number, size: number): boolean {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (head[ZFS_CONFIG_OFFSET] === NVLIST_XDR) return true; // costs no more than zeros that are copied
  return [true, false].every((little) => {
    const lastPage = view.getUint32(INFO_OFFSET + 4, little);
    const version = view.getUint32(INFO_OFFSET, little);
    return version !== 1 || lastPage === 0 || (lastPage + 1) * page > size;
  });
}
