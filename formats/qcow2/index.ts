import { type Format, SECTOR_SIZE } from '../contract.ts';
import { DEFAULT_ZSTD_LEVEL } from '../zstd/layout.ts';
import { viewOf } from '../struct.ts';
import { ENTRY_SIZE, L2_SPAN, MAGIC, MAX_L1_SIZE } from './layout.ts';

/** QCOW2, version 3, compressed. Reads versions 2 and 3. */
export function qcow2(): Format {
  return {
    name: 'qcow2',
    title: 'QCOW2, compressed (KVM, Proxmox, OpenStack)',
    extension: 'qcow2',
    streaming: 'never', // the header refers to tables that come after the data
    // QEMU's limit on the L1 table is reached at 2 EiB, past the 8 PiB that a double counts
    // exactly.
    maxDiskSize: Math.min((MAX_L1_SIZE / ENTRY_SIZE) * L2_SPAN, Number.MAX_SAFE_INTEGER),
    sizeMultiple: SECTOR_SIZE,
    // QEMU's own writer uses a window of 4 KiB, so every reader can decompress that.
    encoding: ({ level, zstdLevel = DEFAULT_ZSTD_LEVEL, prefersZstd, windowBits = 12 }) =>
      prefersZstd ? { kind: 'zstd', level: zstdLevel } : { kind: 'zlib', windowBits, level },
    // Writer and reader are loaded on demand: a program that lists formats needs neither.
    write: async ({ disk, encoding, output }) => {
      if (!encoding) throw new Error('qcow2 is always compressed, but there is no encoding');
      const { qcow2Writer } = await import('./writer.ts');
      return qcow2Writer(output, encoding, disk.snapshotGuid);
    },
    matches: (head) => head.length >= 4 && viewOf(head).getUint32(0) === MAGIC,
    read: async (request) => (await import('./reader.ts')).readQcow2(request),
  };
}
