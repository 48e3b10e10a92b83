import { type Format, SECTOR_SIZE } from '../contract.ts';
import { viewOf } from '../struct.ts';
import { ENTRY_SIZE, L2_SPAN, MAGIC, MAX_L1_SIZE } from './layout.ts';

/** QCOW2, version 3: blocks compressed, no table of snapshots. QEMU, docs/interop/qcow2. */
export function qcow2(): Format {
  return {
    name: 'qcow2',
    title: 'QCOW2, compressed (KVM, Proxmox, OpenStack)',
    extension: 'qcow2',
    streaming: 'never', // the header names tables that come after the data
    // QEMU's limit on the L1 table is reached at 2 EiB, past what a double counts exactly (8 PiB).
    maxDiskSize: Math.min((MAX_L1_SIZE / ENTRY_SIZE) * L2_SPAN, Number.MAX_SAFE_INTEGER),
    sizeMultiple: SECTOR_SIZE,
    // A 4 KiB window is all that QEMU's own writer uses, and so all that any reader must take.
    encoding: ({ level, zstdLevel, windowBits = 12 }) =>
      zstdLevel === undefined
        ? { kind: 'zlib', windowBits, level }
        : { kind: 'zstd', level: zstdLevel },
    // Reader and writer are loaded when they are needed: a program that lists formats needs neither.
    write: async ({ disk, encoding, output }) => {
      if (!encoding) throw new Error('qcow2 is written compressed: no encoding given');
      const { qcow2Writer } = await import('./writer.ts');
      return qcow2Writer(output, encoding, disk.snapshotGuid);
    },
    matches: (head) => head.length >= 4 && viewOf(head).getUint32(0) === MAGIC,
    read: async (request) => (await import('./reader.ts')).qcow2Reader(request),
  };
}
