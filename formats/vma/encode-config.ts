// The machine as Proxmox's qemu-server describes it, a line for each property, in the order of the
// alphabet as Proxmox writes them. A comment says which device of the archive is which drive.

import type { Disk } from '../contract.ts';
import type { DiskController, MachineOptions, Machine, Nic } from '../machine.ts';
import { hexDigits, uuidText } from '../uuid.ts';
import { unsupported } from './faults.ts';

/** The hardware of a machine in Proxmox's words. */
export interface Hardware {
  /** The bus that the disk is at, with its number: `scsi0`. */
  readonly drive: string;
  /** Model of the SCSI controller; undefined on another bus. */
  readonly scsiModel: string | undefined;
  /** Model of the network card; undefined without one. */
  readonly nicModel: string | undefined;
}

/** What the description is of. */
export interface ConfigFacts {
  readonly disk: Pick<Disk, 'name' | 'uuid'>;
  readonly machine: Machine;
  readonly hardware: Hardware;
}

const CONTROLLERS: Readonly<Record<DiskController, Omit<Hardware, 'nicModel'> | undefined>> = {
  lsilogic: { drive: 'scsi0', scsiModel: 'lsi' },
  lsilogicsas: { drive: 'scsi0', scsiModel: 'megasas' },
  buslogic: undefined,
  VirtualSCSI: { drive: 'scsi0', scsiModel: 'pvscsi' },
  sata: { drive: 'sata0', scsiModel: undefined },
  nvme: undefined,
  ide: { drive: 'ide0', scsiModel: undefined },
};

const NICS: Readonly<Record<Nic, string | undefined>> = {
  E1000: 'e1000',
  E1000e: 'e1000e',
  VmxNet3: 'vmxnet3',
  none: undefined,
};

/** What Proxmox's own machines have by default; Linux and the BSDs have drivers for both. */
const VIRTIO = { drive: 'scsi0', scsiModel: 'virtio-scsi-pci', nicModel: 'virtio' };

/** What every Windows has drivers for. */
const FOR_WINDOWS = { drive: 'sata0', scsiModel: undefined, nicModel: 'e1000' };

/**
 * The hardware of a machine for Proxmox: what the options say, else what the guest has drivers for.
 * Throws a FormatError for a controller that Proxmox does not have.
 */
export function hardwareOf({ diskController, nic }: MachineOptions, { osType }: Machine): Hardware {
  const usual = osType.startsWith('win') ? FOR_WINDOWS : VIRTIO;
  const { nicModel, ...usualDrive } = usual;
  const drive = diskController === undefined ? usualDrive : CONTROLLERS[diskController];
  if (!drive) throw unsupported(`Proxmox has no disk controller like ${String(diskController)}`);
  return { ...drive, nicModel: nic === undefined ? nicModel : NICS[nic] };
}

/** The name of the device that a drive is restored from. */
export function deviceNameOf({ drive }: Hardware): string {
  return `drive-${drive}`;
}

/** Encodes `qemu-server.conf`. */
export function encodeConfig({ disk, machine, hardware }: ConfigFacts): Uint8Array {
  const { drive, scsiModel, nicModel } = hardware;
  const lines = [
    ...(machine.firmware === 'efi' ? ['bios: ovmf'] : []), // the other is the default
    `boot: order=${drive}`,
    `cores: ${machine.cpus}`,
    'cpu: host', // the default lacks what glibc of many distributions needs: x86-64-v2
    `memory: ${machine.memory}`,
    `name: ${hostName(machine.vmName ?? disk.name)}`,
    ...(nicModel === undefined ? [] : [`net0: ${nicModel}=${macOf(disk.uuid)},bridge=vmbr0`]),
    `ostype: ${guestOf(machine.osType)}`,
    // The restore puts the name of the volume that it makes here.
    `${drive}: local:100/vm-100-disk-0.raw`,
    ...(scsiModel === undefined ? [] : [`scsihw: ${scsiModel}`]),
    `smbios1: uuid=${uuidText(disk.uuid)}`,
    'sockets: 1',
    // Drive, device, storage (the restore's own) and format.
    `#qmdump#map:${drive}:${deviceNameOf(hardware)}::raw:`,
  ];
  return new TextEncoder().encode(`${lines.join('\n')}\n`);
}

/** Proxmox takes only names of the DNS. */
function hostName(name: string): string {
  const labels = name
    .replace(/[^A-Za-z0-9.-]+/g, '-')
    .split('.')
    .map((label) => label.slice(0, 63).replace(/^-+|-+$/g, ''));
  return (
    labels
      .filter((label) => label !== '')
      .join('.')
      .slice(0, 253) || 'vm'
  );
}

/** An address with Proxmox's own prefix, the same for the same disk. */
function macOf(uuid: Uint8Array): string {
  const digits = `bc2411${hexDigits(uuid.subarray(13))}`;
  return digits.toUpperCase().replace(/..(?!$)/g, '$&:');
}

/** The guest by Proxmox's name: Linux from 2.6 on, Windows by its age, or any other. */
function guestOf(osType: Machine['osType']): string {
  if (/^windows(11|12|2022)/.test(osType)) return 'win11'; // also servers of its time
  const [, version] = /^windows([78])\D/.exec(osType) ?? [];
  if (version !== undefined) return `win${version}`;
  if (osType.startsWith('win')) return 'win10';
  if (/^solaris/i.test(osType)) return 'solaris';
  if (/^(freebsd|darwin|dos|netware|openserver|os2|unixware|otherGuest)/i.test(osType)) {
    return 'other';
  }
  return /^other64?Guest/.test(osType) ? 'other' : 'l26';
}
