import { type Format, SECTOR_SIZE } from '../contract.ts';
import { machineOf, type MachineOptions } from '../machine.ts';

/** Options of {@link incus}. */
export type IncusOptions = Pick<MachineOptions, 'vmName'>;

/** The metadata by which Incus and LXD import a qcow2 as the image of a virtual machine. */
export function incus(options: IncusOptions = {}): Format {
  const { vmName } = machineOf('incus', options);
  return {
    name: 'incus',
    title: 'metadata beside a qcow2 (Incus, LXD)',
    extension: 'incus.tar.gz',
    streaming: 'always',
    describes: 'qcow2',
    maxDiskSize: Number.MAX_SAFE_INTEGER,
    sizeMultiple: SECTOR_SIZE,
    encoding: () => undefined,
    machineOptions: ['vmName'],
    write: async (request) => (await import('./writer.ts')).incusWriter(request, vmName),
    matches: () => false, // it has no disk
  };
}
