// The machine that an OVA describes: the choices, and their names in each product.

import type { AdapterType } from '../vmdk/encode-descriptor.ts';
import { unsupported } from './faults.ts';

/** The machine of an OVA. */
export interface MachineOptions {
  /** Number of virtual CPUs. Default: 4. */
  readonly cpus?: number | undefined;
  /** In MiB, a multiple of 4 for ESXi. Default: 4096. */
  readonly memory?: number | undefined;
  /** Default: efi. */
  readonly firmware?: Firmware | undefined;
  /** VMware's hardware version. Default: 14, for ESXi 6.7. EFI needs 8, sata 10, nvme 13. */
  readonly hwVersion?: number | undefined;
  /** VMware's name of the guest. Default: otherLinux64Guest. */
  readonly osType?: OsType | undefined;
  /** Default: lsilogic, which VMware products and VirtualBox both have. */
  readonly diskController?: DiskController | undefined;
  /** Default: E1000, which every importer knows. */
  readonly nic?: Nic | undefined;
}

/** The checked options with their defaults. */
export type Machine = { readonly [K in keyof MachineOptions]-?: NonNullable<MachineOptions[K]> };

/** The firmware that starts the boot loader. */
export type Firmware = 'efi' | 'bios';

/** A network card by VMware's name. VirtualBox has only the first, and replaces the others. */
export type Nic = 'E1000' | 'E1000e' | 'VmxNet3' | 'none';

/** A guest by VMware's name. */
export type OsType =
  | 'otherLinux64Guest'
  | 'other4xLinux64Guest'
  | 'centos7_64Guest'
  | 'debian10_64Guest'
  | 'fedora64Guest'
  | 'freebsd12_64Guest'
  | 'rhel7_64Guest'
  | 'ubuntu64Guest';

/** A kind of controller by VMware's name, if it has one. */
export type DiskController =
  'lsilogic' | 'lsilogicsas' | 'buslogic' | 'VirtualSCSI' | 'sata' | 'nvme' | 'ide';

/** By VMware's name: the CIM number ("CIM_OperatingSystem.OSType") and VirtualBox's name. */
export const OS_TYPES: Readonly<Record<OsType, { cim: number; virtualbox: string }>> = {
  otherLinux64Guest: { cim: 101, virtualbox: 'Linux_64' },
  other4xLinux64Guest: { cim: 100, virtualbox: 'Linux_64' },
  centos7_64Guest: { cim: 107, virtualbox: 'RedHat_64' },
  debian10_64Guest: { cim: 96, virtualbox: 'Debian_64' },
  fedora64Guest: { cim: 101, virtualbox: 'Fedora_64' },
  freebsd12_64Guest: { cim: 78, virtualbox: 'FreeBSD_64' },
  rhel7_64Guest: { cim: 80, virtualbox: 'RedHat_64' },
  ubuntu64Guest: { cim: 94, virtualbox: 'Ubuntu_64' },
};

interface ControllerKind {
  /** "ResourceType" of CIM_ResourceAllocationSettingData. */
  readonly resourceType: number;
  /** "ResourceSubType", in the letter case of VMware. */
  readonly subType: string | undefined;
  readonly title: string;
  /** VirtualBox's controller and its usual number of ports. */
  readonly virtualbox: { readonly type: string; readonly ports: number };
  /** The controller that the descriptor of the VMDK names. */
  readonly adapterType: AdapterType;
}

const IDE_CONTROLLER = 5;
const SCSI_CONTROLLER = 6;
const OTHER_STORAGE = 20;

/** Importers accept only these names. For vCenter, an IDE controller must have none. */
export const DISK_CONTROLLERS: Readonly<Record<DiskController, ControllerKind>> = {
  lsilogic: scsi('lsilogic', { type: 'LsiLogic', ports: 16 }),
  lsilogicsas: scsi('lsilogicsas', { type: 'LsiLogicSas', ports: 8 }),
  buslogic: scsi('buslogic', { type: 'BusLogic', ports: 16 }),
  // VMware's paravirtual controller; VirtualBox uses LsiLogic instead.
  VirtualSCSI: scsi('VirtualSCSI', { type: 'LsiLogic', ports: 16 }),
  sata: {
    resourceType: OTHER_STORAGE,
    subType: 'vmware.sata.ahci',
    title: 'SATA Controller',
    virtualbox: { type: 'AHCI', ports: 1 },
    adapterType: 'lsilogic',
  },
  nvme: {
    resourceType: OTHER_STORAGE,
    subType: 'vmware.nvme.controller',
    title: 'NVMe Controller',
    virtualbox: { type: 'NVMe', ports: 1 },
    adapterType: 'lsilogic',
  },
  ide: {
    resourceType: IDE_CONTROLLER,
    subType: undefined,
    title: 'IDE Controller',
    virtualbox: { type: 'PIIX4', ports: 2 },
    adapterType: 'ide',
  },
};

function scsi(subType: string, virtualbox: ControllerKind['virtualbox']): ControllerKind {
  const adapterType = subType === 'buslogic' ? subType : 'lsilogic';
  const title = 'SCSI Controller';
  return { resourceType: SCSI_CONTROLLER, subType, title, virtualbox, adapterType };
}

/** Adds the defaults. Throws a FormatError for a machine that no importer accepts. */
export function machineOf(options: MachineOptions): Machine {
  const machine: Machine = {
    cpus: options.cpus ?? 4,
    memory: options.memory ?? 4096,
    firmware: options.firmware ?? 'efi',
    hwVersion: options.hwVersion ?? 14,
    osType: options.osType ?? 'otherLinux64Guest',
    diskController: options.diskController ?? 'lsilogic',
    nic: options.nic ?? 'E1000',
  };
  checkCount('cpus', machine.cpus, 1);
  checkCount('memory', machine.memory, 4);
  checkCount('hwVersion', machine.hwVersion, 1);
  checkVersion('sata', machine.diskController === 'sata', machine, 10);
  checkVersion('nvme', machine.diskController === 'nvme', machine, 13);
  checkVersion('efi', machine.firmware === 'efi', machine, 8);
  return machine;
}

function checkVersion(what: string, used: boolean, { hwVersion }: Machine, needed: number): void {
  if (!used || hwVersion >= needed) return;
  throw unsupported(`${what} needs hardware version ${needed} or later, not ${hwVersion}`);
}

function checkCount(option: string, value: number, unit: number): void {
  if (Number.isSafeInteger(value) && value > 0 && value % unit === 0) return;
  const wanted = unit === 1 ? 'a whole number' : `a multiple of ${unit}`;
  throw unsupported(`${option} is ${value}, it must be ${wanted} above 0`);
}
