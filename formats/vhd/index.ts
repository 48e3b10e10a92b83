import { type Format, SECTOR_SIZE } from '../contract.ts';
import { footer, FOOTER_COOKIE, MAX_DISK_SIZE } from './layout.ts';

const MIB = 2 ** 20;

// Writers and readers are loaded on demand: a program that lists formats needs neither.
const read: NonNullable<Format['read']> = async (request) =>
  (await import('./reader.ts')).readVhd(request);

/** Options of `vhd`. */
export interface VhdOptions {
  /**
   * `mib`, the default, rounds the disk up to whole MiB, as Azure demands; `none` keeps its size.
   */
  readonly align?: 'mib' | 'none' | undefined;
}

/**
 * Fixed VHD: the disk and a footer. Its beginning is that of a raw disk, so QEMU must be told
 * `-f vpc`.
 */
export function vhd({ align = 'mib' }: VhdOptions = {}): Format {
  return {
    name: 'vhd',
    title: 'fixed VHD, sparse as a file (Azure, Hyper-V generation 1)',
    extension: 'vhd',
    streaming: 'always',
    maxDiskSize: MAX_DISK_SIZE,
    sizeMultiple: align === 'mib' ? MIB : SECTOR_SIZE,
    encoding: () => undefined,
    write: async (request) => (await import('./fixed-writer.ts')).fixedWriter(request),
    matches: () => false, // the footer is at the end
    read,
  };
}

/** Dynamic VHD: only the blocks of 2 MiB that are not all zeros. Azure does not accept it. */
export function vhdDynamic(): Format {
  return {
    name: 'vhd-dynamic',
    title: 'dynamic VHD, without the zeros (Hyper-V generation 1, VirtualBox, AWS)',
    extension: 'dynamic.vhd',
    streaming: 'never', // the table at the front refers to blocks that come after it
    maxDiskSize: MAX_DISK_SIZE,
    sizeMultiple: SECTOR_SIZE,
    encoding: () => undefined,
    write: async (request) => (await import('./dynamic-writer.ts')).dynamicWriter(request),
    matches: (head) => head.length >= footer.size && footer.decode(head).cookie === FOOTER_COOKIE,
    read,
  };
}
