// The virtual machine that an image of a whole machine describes. The choices have VMware's names,
// which every format translates for its own platform.

import { faultsOf } from './errors.ts';

/** A virtual machine. */
export interface MachineOptions {
  /** Its name after the import, any text. Default: the name of the export. */
  readonly vmName?: string | undefined;
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
export type Machine = Pick<MachineOptions, 'vmName'> & Hardware;

/** What the machine is made of. */
type Hardware = {
  readonly [K in keyof Omit<MachineOptions, 'vmName'>]-?: NonNullable<MachineOptions[K]>;
};

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

/**
 * Adds the defaults. Throws a FormatError, which begins with the name of the format, for a machine
 * that no importer accepts.
 */
export function machineOf(format: string, options: MachineOptions): Machine {
  const machine: Machine = {
    vmName: options.vmName,
    cpus: options.cpus ?? 4,
    memory: options.memory ?? 4096,
    firmware: options.firmware ?? 'efi',
    hwVersion: options.hwVersion ?? 14,
    osType: options.osType ?? 'otherLinux64Guest',
    diskController: options.diskController ?? 'lsilogic',
    nic: options.nic ?? 'E1000',
  };
  const problem = problemOf(machine);
  if (problem !== undefined) throw faultsOf(format).unsupported(problem);
  return machine;
}

/** Whether a text can be VMware's name of a guest; there are new ones with every version. */
export function isOsType(text: string): text is OsType {
  return /^[A-Za-z][A-Za-z0-9_]*Guest$/.test(text);
}

function problemOf(machine: Machine): string | undefined {
  const { vmName, cpus, memory, firmware, hwVersion, osType, diskController } = machine;
  if (vmName !== undefined && !canBeName(vmName)) {
    return `${JSON.stringify(vmName)} cannot be the name of a machine`;
  }
  if (!isOsType(osType)) return `"${String(osType)}" is not VMware's name of a guest`;
  return (
    checkCount('cpus', cpus, 1) ??
    checkCount('memory', memory, 4) ??
    checkCount('hwVersion', hwVersion, 1) ??
    checkVersion('sata', diskController === 'sata', hwVersion, 10) ??
    checkVersion('nvme', diskController === 'nvme', hwVersion, 13) ??
    checkVersion('efi', firmware === 'efi', hwVersion, 8)
  );
}

function canBeName(vmName: string): boolean {
  // XML cannot hold most control characters, and reads line ends in attributes as spaces.
  return vmName.trim() !== '' && !/[\p{Cc}\p{Cs}\uFFFE\uFFFF]/u.test(vmName);
}

function checkCount(option: string, value: number, unit: number): string | undefined {
  if (Number.isSafeInteger(value) && value > 0 && value % unit === 0) return undefined;
  const wanted = unit === 1 ? 'a whole number' : `a multiple of ${unit}`;
  return `${option} is ${value}, it must be ${wanted} above 0`;
}

function checkVersion(
  what: string,
  isUsed: boolean,
  hwVersion: number,
  needed: number,
): string | undefined {
  if (!isUsed || hwVersion >= needed) return undefined;
  return `${what} needs hardware version ${needed} or later, not ${hwVersion}`;
}
