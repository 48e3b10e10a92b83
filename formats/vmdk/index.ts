import { BLOCK_SIZE, type Format } from '../contract.ts';
import { viewOf } from '../struct.ts';
import { isDescriptor } from './decode-descriptor.ts';
import type { AdapterType } from './encode-descriptor.ts';
import { MAGIC, MAX_DISK_SIZE } from './layout.ts';

/** Options of `vmdk`. */
export interface VmdkOptions {
  /** The disk controller that the descriptor names. Default: lsilogic, which all products know. */
  readonly adapterType?: AdapterType | undefined;
}

/** streamOptimized VMDK, for imports and OVAs; VMware products do not run a machine from it. */
export function vmdk({ adapterType = 'lsilogic' }: VmdkOptions = {}): Format {
  return {
    name: 'vmdk',
    title: 'VMDK, streamOptimized (VMware, VirtualBox, AWS)',
    extension: 'vmdk',
    streaming: 'size-first', // the size is in the header and the descriptor
    maxDiskSize: MAX_DISK_SIZE,
    sizeMultiple: BLOCK_SIZE,
    encoding: ({ level, windowBits = 15 }) => ({ kind: 'zlib', windowBits, level }),
    // Writer and reader are loaded on demand: a program that lists formats needs neither.
    write: async ({ disk, fileName, encoding, output }) => {
      if (!encoding) throw new Error('vmdk is always compressed, but there is no encoding');
      const { vmdkWriter } = await import('./writer.ts');
      return vmdkWriter({ disk, fileName, encoding, output, adapterType });
    },
    matches: (head) =>
      (head.length >= 4 && viewOf(head).getUint32(0, true) === MAGIC) || isDescriptor(head),
    read: async (request) => (await import('./reader.ts')).readVmdk(request),
  };
}
