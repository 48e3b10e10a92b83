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

/** A guest by VMware's name: one of these, or any other that ends in `Guest`. */
export type OsType = KnownOsType | `${string}Guest`;

/** Guests that are completed in a shell. */
export type KnownOsType =
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

/** A guest in other products. */
interface Guest {
  /** "CIM_OperatingSystem.OSType". */
  readonly cim: number;
  readonly virtualbox: string;
}

/** By VMware's name. */
export const OS_TYPES: Readonly<Record<KnownOsType, Guest>> = {
  otherLinux64Guest: { cim: 101, virtualbox: 'Linux_64' },
  other4xLinux64Guest: { cim: 100, virtualbox: 'Linux_64' },
  centos7_64Guest: { cim: 107, virtualbox: 'RedHat_64' },
  debian10_64Guest: { cim: 96, virtualbox: 'Debian_64' },
  fedora64Guest: { cim: 101, virtualbox: 'Fedora_64' },
  freebsd12_64Guest: { cim: 78, virtualbox: 'FreeBSD_64' },
  rhel7_64Guest: { cim: 80, virtualbox: 'RedHat_64' },
  ubuntu64Guest: { cim: 94, virtualbox: 'Ubuntu_64' },
};

/** Families of guests: what their names begin with, and the guest of 64 and of 32 bits. */
const FAMILIES: readonly (readonly [begins: RegExp, of64: Guest, of32: Guest])[] = [
  [/^debian/, { cim: 96, virtualbox: 'Debian_64' }, { cim: 95, virtualbox: 'Debian' }],
  [/^ubuntu/, { cim: 94, virtualbox: 'Ubuntu_64' }, { cim: 93, virtualbox: 'Ubuntu' }],
  [/^rhel/, { cim: 80, virtualbox: 'RedHat_64' }, { cim: 79, virtualbox: 'RedHat' }],
  [/^centos/, { cim: 107, virtualbox: 'RedHat_64' }, { cim: 106, virtualbox: 'RedHat' }],
  [/^(sles|suse)/, { cim: 85, virtualbox: 'OpenSUSE_64' }, { cim: 84, virtualbox: 'OpenSUSE' }],
  [/^freebsd/i, { cim: 78, virtualbox: 'FreeBSD_64' }, { cim: 42, virtualbox: 'FreeBSD' }],
  [/^win/, { cim: 1, virtualbox: 'WindowsNT_64' }, { cim: 1, virtualbox: 'WindowsNT' }],
  [
    /^fedora|^(alma|rocky|oracle|amazon|vmwarePhoton|coreos|asianux|opensuse|.*linux)/i,
    { cim: 101, virtualbox: 'Linux_64' },
    { cim: 36, virtualbox: 'Linux' },
  ],
  [/^/, { cim: 1, virtualbox: 'Other_64' }, { cim: 1, virtualbox: 'Other' }], // CIM: "Other"
];

/** What VMware's names look like; there are new ones with every version. */
const OS_TYPE = /^[A-Za-z][A-Za-z0-9_]*Guest$/;

/** Whether a text can be VMware's name of a guest. */
export function isOsType(text: string): text is OsType {
  return OS_TYPE.test(text);
}

/** A guest by VMware's name, which need not be known. */
export function guestOf(osType: OsType): Guest {
  if (Object.hasOwn(OS_TYPES, osType)) return OS_TYPES[osType as KnownOsType];
  const [, of64, of32] = FAMILIES.find(([begins]) => begins.test(osType))!; // the last is any
  return /64_?Guest$/.test(osType) ? of64 : of32;
}

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
  if (!isOsType(machine.osType)) {
    throw unsupported(`"${String(machine.osType)}" is not VMware's name of a guest`);
  }
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
