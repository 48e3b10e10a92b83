// What an OVF calls the parts of a machine, and what VirtualBox calls them in its own description.

import type { DiskController, KnownOsType, OsType } from '../machine.ts';
import type { AdapterType } from '../vmdk/encode-descriptor.ts';

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
