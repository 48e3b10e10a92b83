import { type Format, SECTOR_SIZE } from '../contract.ts';
import { machineOf, type MachineOptions } from '../machine.ts';
import { hardwareOf, maxDisksOf } from './encode-config.ts';
import { BEGIN, CLUSTER_SIZE, MAX_CLUSTERS } from './layout.ts';

/** Options of {@link vma}: either to write an archive or to read one. */
export interface VmaOptions extends Omit<MachineOptions, 'hwVersion'> {
  /** For reading: which of its devices to read, by its name. Default: the first that is a disk. */
  readonly device?: string | undefined;
}

/**
 * A machine as Proxmox backs it up: its description and its disks, without the zeros. Throws a
 * FormatError for options that Proxmox has nothing for.
 */
export function vma(options: VmaOptions = {}): Format {
  const machine = machineOf('vma', options);
  const hardware = hardwareOf(options, machine);
  const contents = { machine, hardware };
  return {
    name: 'vma',
    title: 'backup of a machine, without the zeros (Proxmox)',
    extension: 'vma',
    streaming: 'size-first',
    needsDiskSize: true, // the header in front has it
    maxDiskSize: MAX_CLUSTERS * CLUSTER_SIZE,
    sizeMultiple: SECTOR_SIZE,
    encoding: () => undefined,
    machineOptions: ['cpus', 'memory', 'firmware', 'osType', 'diskController', 'nic', 'vmName'],
    write: async (request) => (await import('./writer.ts')).vmaWriter(request, contents),
    machine: {
      maxDisks: maxDisksOf(hardware),
      write: async (request) => (await import('./writer.ts')).vmaMachineWriter(request, contents),
    },
    matches: (head) => BEGIN.every((byte, i) => head[i] === byte),
    read: async (request) => (await import('./reader.ts')).readVma(request, options.device),
  };
}
