import { BLOCK_SIZE, type Format } from '../contract.ts';
import { viewOf } from '../struct.ts';
import type { AdapterType } from './descriptor.ts';
import { MAGIC, MAX_DISK_SIZE } from './layout.ts';
import { isDescriptor } from './descriptor-reader.ts';

/** Options of `vmdk`. */
export interface VmdkOptions {
  /** The disk controller that the descriptor names. Default: lsilogic, which every VMware product and VirtualBox know. */
  readonly adapterType?: AdapterType | undefined;
}

/** streamOptimized VMDK: what import takes and OVAs hold; VMware products do not run a machine from it. */
export function vmdk({ adapterType = 'lsilogic' }: VmdkOptions = {}): Format {
  return {
    name: 'vmdk',
    title: 'VMDK, streamOptimized (VMware, VirtualBox, AWS)',
    extension: 'vmdk',
    streaming: 'size-first', // the header and the descriptor tell the size
    maxDiskSize: MAX_DISK_SIZE,
    sizeMultiple: BLOCK_SIZE,
    encoding: ({ level, windowBits = 15 }) => ({ kind: 'zlib', windowBits, level }),
    // Reader and writer are loaded when they are needed: a program that lists formats needs neither.
    write: async ({ disk, encoding, output }) => {
      if (!encoding) throw new Error('vmdk is written compressed: no encoding given');
      const { vmdkWriter } = await import('./writer.ts');
      return vmdkWriter({ disk, encoding, output, adapterType });
    },
    matches: (head) =>
      (head.length >= 4 && viewOf(head).getUint32(0, true) === MAGIC) || isDescriptor(head),
    read: async (request) => (await import('./reader.ts')).readVmdk(request),
  };
}
