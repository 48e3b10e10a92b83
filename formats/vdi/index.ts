import { type Format, SECTOR_SIZE } from '../contract.ts';
import { header, MAX_DISK_SIZE, SIGNATURE } from './layout.ts';

/** Dynamic VDI: only the blocks of 1 MiB that are not all zeros. */
export function vdi(): Format {
  return {
    name: 'vdi',
    title: 'dynamic VDI, without the zeros (VirtualBox)',
    extension: 'vdi',
    streaming: 'never', // the map at the front names blocks that come after it
    needsDiskSize: true,
    maxDiskSize: MAX_DISK_SIZE,
    sizeMultiple: SECTOR_SIZE,
    encoding: () => undefined,
    // Loaded late: a program that reads or writes one image needs no more than that.
    write: async (request) => (await import('./writer.ts')).vdiWriter(request),
    matches: (head) => head.length >= header.size && header.decode(head).signature === SIGNATURE,
    read: async (request) => (await import('./reader.ts')).readVdi(request),
  };
}
