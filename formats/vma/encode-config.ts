// The machine as Proxmox's qemu-server describes it, a line for each property, in the order of the
// alphabet as Proxmox writes them. A comment says which device of the archive is which drive.

import type { DiskController, MachineOptions, Machine, Nic } from '../machine.ts';
import { hexDigits, uuidText } from '../uuid.ts';
import { unsupported } from './faults.ts';

/** The hardware of a machine in Proxmox's words. */
export interface Hardware {
  /** The bus that the disks are at. */
  readonly bus: 'scsi' | 'sata' | 'ide';
  /** Model of the SCSI controller; undefined on another bus. */
  readonly scsiModel: string | undefined;
  /** Model of the network card; undefined without one. */
  readonly nicModel: string | undefined;
}

/** What the description is of. */
export interface ConfigFacts {
  readonly name: string;
  readonly uuid: Uint8Array;
  readonly diskCount: number;
  readonly machine: Machine;
  readonly hardware: Hardware;
}

const CONTROLLERS: Readonly<Record<DiskController, Omit<Hardware, 'nicModel'> | undefined>> = {
  lsilogic: { bus: 'scsi', scsiModel: 'lsi' },
  lsilogicsas: { bus: 'scsi', scsiModel: 'megasas' },
  buslogic: undefined,
  VirtualSCSI: { bus: 'scsi', scsiModel: 'pvscsi' },
  sata: { bus: 'sata', scsiModel: undefined },
  nvme: undefined,
  ide: { bus: 'ide', scsiModel: undefined },
};

const NICS: Readonly<Record<Nic, string | undefined>> = {
  E1000: 'e1000',
  E1000e: 'e1000e',
  VmxNet3: 'vmxnet3',
  none: undefined,
};

/** What Proxmox's own machines have by default; Linux and the BSDs have drivers for both. */
const VIRTIO = { bus: 'scsi', scsiModel: 'virtio-scsi-pci', nicModel: 'virtio' } as const;

/** What every Windows has drivers for. */
const FOR_WINDOWS = { bus: 'sata', scsiModel: undefined, nicModel: 'e1000' } as const;

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

/** Drives that Proxmox knows on each bus. */
const MAX_DRIVES = { scsi: 31, sata: 6, ide: 4 } as const;

/** The most disks of a machine. */
export function maxDisksOf({ bus }: Hardware): number {
  return MAX_DRIVES[bus];
}

/** The names of the devices that the drives are restored from. */
export function deviceNamesOf(hardware: Hardware, diskCount: number): string[] {
  return drivesOf(hardware, diskCount).map(deviceNameOf);
}

function drivesOf({ bus }: Hardware, diskCount: number): string[] {
  return Array.from({ length: diskCount }, (_, index) => `${bus}${index}`);
}

function deviceNameOf(drive: string): string {
  return `drive-${drive}`;
}

/** Encodes `qemu-server.conf`. */
export function encodeConfig(facts: ConfigFacts): Uint8Array {
  const { name, uuid, diskCount, machine, hardware } = facts;
  const { scsiModel, nicModel } = hardware;
  const drives = drivesOf(hardware, diskCount);
  const lines = [
    ...(machine.firmware === 'efi' ? ['bios: ovmf'] : []), // the other is the default
    `boot: order=${drives[0] ?? ''}`,
    `cores: ${machine.cpus}`,
    'cpu: host', // the default lacks what glibc of many distributions needs: x86-64-v2
    `memory: ${machine.memory}`,
    `name: ${hostName(machine.vmName ?? name)}`,
    ...(nicModel === undefined ? [] : [`net0: ${nicModel}=${macOf(uuid)},bridge=vmbr0`]),
    `ostype: ${guestOf(machine.osType)}`,
    // The restore puts the name of the volume that it makes here.
    ...drives.map((drive, index) => `${drive}: local:100/vm-100-disk-${index}.raw`).sort(),
    ...(scsiModel === undefined ? [] : [`scsihw: ${scsiModel}`]),
    `smbios1: uuid=${uuidText(uuid)}`,
    'sockets: 1',
    // Drive, device, storage (the restore's own) and format.
    ...drives.map((drive) => `#qmdump#map:${drive}:${deviceNameOf(drive)}::raw:`),
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
