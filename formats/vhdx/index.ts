import type { Format } from '../contract.ts';
import { ascii, viewOf } from '../struct.ts';
import { ALIGNMENT, FILE_SIGNATURE, MAX_DISK_SIZE } from './layout.ts';

// Loaded late: a program that writes images needs no reader.
const read: NonNullable<Format['read']> = async (request) =>
  (await import('./reader.ts')).readVhdx(request);

const signature = ascii(FILE_SIGNATURE.length);

/** Options of `vhdx`. */
export interface VhdxOptions {
  /**
   * Room for every block of the disk, as for a disk that is written to a lot. Default: only those
   * that are not all zeros.
   */
  readonly fixed?: boolean | undefined;
}

/** VHDX, dynamic or fixed. Hyper-V's; of QEMU, VirtualBox, 7-Zip and libvhdi each reads it. */
export function vhdx({ fixed = false }: VhdxOptions = {}): Format {
  return {
    name: 'vhdx',
    title: fixed
      ? 'fixed VHDX, sparse as a file (Hyper-V)'
      : 'dynamic VHDX, without the zeros (Hyper-V, AWS)',
    extension: 'vhdx',
    // The table at the front names blocks that come after it; in a fixed image it is known
    // beforehand.
    streaming: fixed ? 'size-first' : 'never',
    maxDiskSize: MAX_DISK_SIZE,
    // 7-Zip refuses a disk of an odd number of sectors, Azure's and Hyper-V's own tools make whole
    // MiB.
    sizeMultiple: ALIGNMENT,
    encoding: () => undefined,
    async write(request) {
      if (fixed) return (await import('./fixed-writer.ts')).fixedWriter(request);
      return (await import('./dynamic-writer.ts')).dynamicWriter(request);
    },
    matches: (head) =>
      head.length >= signature.size && signature.get(viewOf(head), 0, true) === FILE_SIGNATURE,
    read,
  };
}
