import type { DiskController, Machine, MachineOptions } from '../machine.ts';
import { hexDigits } from '../uuid.ts';
import { unsupported } from './faults.ts';
import { GIB } from './layout.ts';

/** The hardware of a machine in vagrant-libvirt's words. */
export interface LibvirtHardware {
  readonly bus: string;
  readonly nicModel: string;
}

const BUSES: Readonly<Record<DiskController, string | undefined>> = {
  lsilogic: 'scsi',
  lsilogicsas: 'scsi',
  buslogic: 'scsi',
  VirtualSCSI: 'scsi',
  sata: 'sata',
  nvme: undefined,
  ide: 'ide',
};

/**
 * What the options say, else what the guest has drivers for. Throws a FormatError for hardware that
 * vagrant-libvirt does not have.
 */
export function libvirtHardware(options: MachineOptions, { osType }: Machine): LibvirtHardware {
  const { diskController, nic } = options;
  const isWindows = osType.startsWith('win');
  const bus =
    diskController === undefined ? (isWindows ? 'sata' : 'virtio') : BUSES[diskController];
  if (bus === undefined) throw unsupported(`libvirt's boxes have no ${String(diskController)}`);
  if (nic === 'none') throw unsupported('Vagrant reaches a machine by its network card alone');
  return { bus, nicModel: nic?.toLowerCase() ?? (isWindows ? 'e1000' : 'virtio') };
}

/** Encodes "metadata.json" of a box for libvirt. */
export function encodeLibvirtMetadata(diskSize: number): Uint8Array {
  const size = Math.max(1, Math.ceil(diskSize / GIB));
  return text([JSON.stringify({ provider: 'libvirt', format: 'qcow2', virtual_size: size })]);
}

/** Encodes "metadata.json" of a box for VirtualBox. */
export function encodeVirtualboxMetadata(): Uint8Array {
  return text([JSON.stringify({ provider: 'virtualbox' })]);
}

/** Where the distributions have the firmware, which libvirt must be told. */
const FIRMWARE = [
  '/usr/share/OVMF/OVMF_CODE_4M.fd',
  '/usr/share/OVMF/OVMF_CODE.fd',
  '/usr/share/edk2/ovmf/OVMF_CODE.fd',
  '/usr/share/edk2/x64/OVMF_CODE.4m.fd',
  '/usr/share/qemu/ovmf-x86_64-code.bin',
];

/** Encodes the Vagrantfile of a box for libvirt, in Ruby. */
export function encodeLibvirtVagrantfile(machine: Machine, hardware: LibvirtHardware): Uint8Array {
  const { cpus, memory, firmware } = machine;
  const loader = `    libvirt.loader = %w[${FIRMWARE.join(' ')}].find { |path| File.exist?(path) }`;
  return text([
    'Vagrant.configure("2") do |config|',
    '  config.vm.provider :libvirt do |libvirt|',
    `    libvirt.cpus = ${cpus}`,
    `    libvirt.memory = ${memory}`,
    `    libvirt.disk_bus = "${hardware.bus}"`,
    `    libvirt.nic_model_type = "${hardware.nicModel}"`,
    ...(firmware === 'efi' ? [loader] : []),
    '  end',
    'end',
  ]);
}

/** Encodes the Vagrantfile of a box for VirtualBox, which wants the address of the first card. */
export function encodeVirtualboxVagrantfile(uuid: Uint8Array): Uint8Array {
  const mac = `080027${hexDigits(uuid.subarray(13))}`.toUpperCase(); // VirtualBox's own prefix
  return text(['Vagrant.configure("2") do |config|', `  config.vm.base_mac = "${mac}"`, 'end']);
}

function text(lines: readonly string[]): Uint8Array {
  return new TextEncoder().encode(`${lines.join('\n')}\n`);
}
