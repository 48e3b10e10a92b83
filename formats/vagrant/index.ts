import type { Format } from '../contract.ts';
import { machineOf, type MachineOptions } from '../machine.ts';
import { DISK_CONTROLLERS } from '../ova/hardware.ts';
import { qcow2 } from '../qcow2/index.ts';
import { memberName } from '../tar/decode-tar.ts';
import { vmdk } from '../vmdk/index.ts';
import { libvirtHardware } from './encode-texts.ts';
import { METADATA } from './layout.ts';
import type { BoxContents } from './writer.ts';

/** Options of a box. */
export type VagrantOptions = MachineOptions;

/** A box for the provider libvirt: a qcow2. Throws a FormatError for hardware it does not have. */
export function vagrantLibvirt(options: VagrantOptions = {}): Format {
  const machine = machineOf('vagrant', options);
  const hardware = libvirtHardware(options, machine);
  return boxOf(qcow2(), {
    name: 'vagrant-libvirt',
    title: 'box with a qcow2 (Vagrant, libvirt)',
    extension: 'libvirt.box',
    machineOptions: ['cpus', 'memory', 'firmware', 'osType', 'diskController', 'nic'],
    contents: async (disk) => (await import('./boxes.ts')).libvirtBox(disk, machine, hardware),
  });
}

/** A box for the provider virtualbox: an OVF with its VMDK. */
export function vagrantVirtualbox(options: VagrantOptions = {}): Format {
  const machine = machineOf('vagrant', options);
  const { adapterType } = DISK_CONTROLLERS[machine.diskController];
  return boxOf(vmdk({ adapterType }), {
    name: 'vagrant-virtualbox',
    title: 'box with an OVF and a vmdk (Vagrant, VirtualBox)',
    extension: 'virtualbox.box',
    machineOptions: ['cpus', 'memory', 'firmware', 'osType', 'diskController', 'nic', 'vmName'],
    contents: async (disk) => (await import('./boxes.ts')).virtualboxBox(disk, machine),
  });
}

interface Box extends Pick<Format, 'name' | 'title' | 'extension' | 'machineOptions'> {
  contents(diskFormat: Format): Promise<BoxContents>;
}

function boxOf(diskFormat: Format, { contents, ...named }: Box): Format {
  return {
    ...named,
    streaming: 'never', // the header of the disk's file has its size
    needsDiskSize: true, // what describes the disk comes before it
    maxDiskSize: diskFormat.maxDiskSize,
    sizeMultiple: diskFormat.sizeMultiple,
    encoding: (choice) => diskFormat.encoding(choice),
    write: async (request) =>
      (await import('./writer.ts')).boxWriter(request, await contents(diskFormat)),
    matches: (head) => memberName(head)?.replace(/^\.\//, '') === METADATA,
    read: async (request) => (await import('./reader.ts')).readBox(request),
  };
}
