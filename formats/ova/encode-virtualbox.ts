// VirtualBox's own description of the machine, within the OVF. From the OVF alone its importer
// makes a machine with BIOS. With this description, it reads nothing else except the quantities and
// the places of the disks in the archive (ovfreader.cpp, Settings.cpp, ApplianceImplImport.cpp).

import { uuidText } from '../uuid.ts';
import type { Machine } from '../machine.ts';
import { DISK_CONTROLLERS, guestOf } from './hardware.ts';
import type { DiskSlot } from './disk-slots.ts';

export const VIRTUALBOX_NAMESPACE = 'http://www.virtualbox.org/ovf/machine';

// Settings of VirtualBox 5.1 and later. The platform after the version has no meaning.
const SETTINGS_VERSION = '1.16-linux';

// Enough for a text console and for a desktop without acceleration.
const VIDEO_MEMORY_MIB = 16;

// The Intel card that VMware calls E1000.
const NIC_TYPE = '82545EM';

/** The disk's uuid in the OVF. VirtualBox compares it as lower-case text with the attachment's. */
export function diskUuid(uuid: Uint8Array): string {
  return uuidText(uuid);
}

/**
 * The content of the element for xmlbuilder2. `name` is escaped for it; each disk has its uuid, of
 * 16 bytes, and its slot.
 */
export function virtualboxMachine(
  machine: Machine,
  name: string,
  uuids: readonly Uint8Array[],
  slots: readonly DiskSlot[],
): Record<string, unknown> {
  const [first] = uuids;
  if (!first) throw new Error('a machine without a disk');
  return {
    '@ovf:required': 'false', // lets other importers skip it
    '@version': SETTINGS_VERSION,
    '@uuid': `{${machineUuid(first)}}`,
    '@name': name,
    '@OSType': guestOf(machine.osType).virtualbox,
    'ovf:Info': 'The machine as VirtualBox describes it',
    Hardware: hardware(machine),
    StorageControllers: storageControllers(machine, uuids, slots),
  };
}

function hardware(machine: Machine): Record<string, unknown> {
  return {
    CPU: { '@count': machine.cpus },
    Memory: { '@RAMSize': machine.memory },
    ...(machine.firmware === 'efi' && { Firmware: { '@type': 'EFI' } }),
    Display: { '@VRAMSize': VIDEO_MEMORY_MIB },
    BIOS: { IOAPIC: { '@enabled': true } }, // without it, the guest has one CPU
    ...(machine.nic !== 'none' && {
      // NAT is the only attachment that needs nothing from the host.
      Network: { Adapter: { '@slot': 0, '@enabled': true, '@type': NIC_TYPE, NAT: {} } },
    }),
    RTC: { '@localOrUTC': 'UTC' },
  };
}

function storageControllers(
  machine: Machine,
  uuids: readonly Uint8Array[],
  slots: readonly DiskSlot[],
): Record<string, unknown> {
  const { title, virtualbox } = DISK_CONTROLLERS[machine.diskController];
  const places = slots.map((slot) => placeOf(slot, machine));
  return {
    StorageController: {
      '@name': title,
      '@type': virtualbox.type,
      '@PortCount': Math.max(virtualbox.ports, ...places.map(({ port }) => port + 1)),
      '@useHostIOCache': false,
      '@Bootable': true,
      AttachedDevice: uuids.map((uuid, index) => ({
        '@type': 'HardDisk',
        '@port': places[index]?.port,
        '@device': places[index]?.device,
        Image: { '@uuid': `{${diskUuid(uuid)}}` }, // braces here, none in the Disk element
      })),
    },
  };
}

/** VirtualBox has both channels of IDE as the ports of one controller. */
function placeOf({ controller, address }: DiskSlot, { diskController }: Machine) {
  return diskController === 'ide'
    ? { port: controller, device: address }
    : { port: address, device: 0 };
}

/** The first disk's uuid with its last bit inverted: two things must not share a uuid. */
function machineUuid(uuid: Uint8Array): string {
  return uuidText(uuid.map((byte, i) => (i === uuid.length - 1 ? byte ^ 1 : byte)));
}
