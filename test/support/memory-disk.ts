import type { DirectDisk } from '../../src/live/direct-disk.ts';
import type { HostPartition } from '../../src/host/host-disk.ts';

const SECTOR = 512;

/**
 * A disk of those bytes. Throws where a read is not of whole sectors, as a device read directly
 * does.
 */
export function memoryDisk(bytes: Uint8Array): DirectDisk {
  return {
    read: (diskOffset, target) => {
      if (diskOffset % SECTOR !== 0 || target.length % SECTOR !== 0) {
        throw new Error(`${target.length} bytes at ${diskOffset} are not whole sectors`);
      }
      target.set(bytes.subarray(diskOffset, diskOffset + target.length));
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}

/** The second partition of a disk, of that size in bytes. */
export function partitionAt(diskOffset: number, size: number): HostPartition {
  return { name: 'sda2', path: '/dev/sda2', number: '8:2', index: 2, diskOffset, size };
}
