// The machine as XML: DSP0243 1.1, "OVF descriptor", with only those parts that VMware products,
// VirtualBox, Proxmox and virt-v2v read:
//   References              the files of the disks
//   DiskSection, NetworkSection
//   VirtualSystem           OperatingSystemSection, VirtualHardwareSection, VirtualBox's Machine

import { create } from 'xmlbuilder2';
import type { Machine } from '../machine.ts';
import { DISK_CONTROLLERS, guestOf } from './hardware.ts';
import { type DiskSlot, slotsFor } from './disk-slots.ts';
import type { Profile } from './profile.ts';
import { diskUuid, VIRTUALBOX_NAMESPACE, virtualboxMachine } from './encode-virtualbox.ts';

/** What the OVF describes. */
export interface OvfFacts {
  /** Name of the machine: any text that XML can hold. */
  readonly name: string;
  readonly machine: Machine;
  readonly profile: Profile;
  /** In the order of the machine, which boots from the first. */
  readonly disks: readonly DiskFile[];
}

/** A disk and the member that holds it. */
export interface DiskFile {
  /** Name of the member. */
  readonly fileName: string;
  /** Size of the member in bytes; vSphere refuses the archive if it differs. */
  readonly fileSize: number;
  /** Size of the disk in bytes. */
  readonly capacity: number;
  /** 16 bytes, RFC 9562. */
  readonly uuid: Uint8Array;
}

const NAMESPACES = {
  '@xmlns': 'http://schemas.dmtf.org/ovf/envelope/1',
  '@xmlns:cim': 'http://schemas.dmtf.org/wbem/wscim/1/common',
  '@xmlns:ovf': 'http://schemas.dmtf.org/ovf/envelope/1',
  '@xmlns:rasd':
    'http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData',
  '@xmlns:vmw': 'http://www.vmware.com/schema/ovf', // Proxmox needs it here
  '@xmlns:vssd': 'http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData',
  '@xmlns:xsi': 'http://www.w3.org/2001/XMLSchema-instance',
};

// Importers compare it character by character.
const STREAM_OPTIMIZED =
  'http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized';

const NETWORK = 'VM Network'; // ESXi's name of its first network

// "ResourceType" of CIM_ResourceAllocationSettingData.
const PROCESSOR = 3;
const MEMORY = 4;
const ETHERNET_ADAPTER = 10;
const DISK_DRIVE = 17;

// "InstanceID" of the hardware; virt-v2v needs numbers. The disks and the network card follow the
// controllers.
const INSTANCE = { processor: 1, memory: 2, firstController: 3 };

type Xml = Record<string, unknown>;

/** Encodes the OVF in UTF-8. Of each `fileSize`, only the number of digits affects its length. */
export function encodeOvf(facts: OvfFacts): Uint8Array {
  const document = create({ version: '1.0', encoding: 'UTF-8' }, { Envelope: envelope(facts) });
  return new TextEncoder().encode(`${document.end({ prettyPrint: true })}\n`);
}

function envelope({ name, machine, profile, disks }: OvfFacts): Xml {
  const forVirtualbox = profile !== 'vmware';
  const slots = slotsFor(disks.length, machine.diskController, profile);
  return {
    ...NAMESPACES,
    ...(forVirtualbox && { '@xmlns:vbox': VIRTUALBOX_NAMESPACE }),
    References: {
      File: disks.map(({ fileName, fileSize }, index) => ({
        '@ovf:href': fileName,
        '@ovf:id': fileId(index),
        '@ovf:size': fileSize,
      })),
    },
    DiskSection: {
      Info: 'Virtual disks',
      Disk: disks.map(({ capacity, uuid }, index) => ({
        '@ovf:capacity': capacity,
        '@ovf:capacityAllocationUnits': 'byte',
        '@ovf:diskId': diskId(index),
        '@ovf:fileRef': fileId(index),
        '@ovf:format': STREAM_OPTIMIZED,
        ...(forVirtualbox && { '@vbox:uuid': diskUuid(uuid) }),
      })),
    },
    ...(machine.nic !== 'none' && { NetworkSection: networkSection() }),
    VirtualSystem: {
      '@ovf:id': literal(name), // for VirtualBox the name of the machine
      Info: 'A virtual machine',
      Name: literal(name),
      OperatingSystemSection: {
        '@ovf:id': guestOf(machine.osType).cim,
        '@vmw:osType': machine.osType,
        Info: 'The operating system',
      },
      VirtualHardwareSection: hardwareSection({ name, machine, profile }, slots),
      ...(forVirtualbox && {
        'vbox:Machine': virtualboxMachine(
          machine,
          literal(name),
          disks.map(({ uuid }) => uuid),
          slots,
        ),
      }),
    },
  };
}

function fileId(diskIndex: number): string {
  return `file${diskIndex + 1}`;
}

function diskId(diskIndex: number): string {
  return `vmdisk${diskIndex + 1}`;
}

function networkSection(): Xml {
  const Description = 'The first network of the host';
  return { Info: 'Networks', Network: { '@ovf:name': NETWORK, Description } };
}

function hardwareSection(
  { name, machine, profile }: Omit<OvfFacts, 'disks'>,
  slots: readonly DiskSlot[],
): Xml {
  const storage = storageItems(machine, slots);
  return {
    Info: 'Virtual hardware',
    System: {
      'vssd:ElementName': 'Virtual Hardware Family',
      'vssd:InstanceID': 0,
      'vssd:VirtualSystemIdentifier': literal(name),
      'vssd:VirtualSystemType':
        profile === 'virtualbox'
          ? 'virtualbox-2.2'
          : `vmx-${String(machine.hwVersion).padStart(2, '0')}`,
    },
    Item: [
      item({
        AllocationUnits: 'hertz * 10^6',
        Description: 'Number of virtual CPUs',
        ElementName: `${machine.cpus} virtual CPU(s)`,
        InstanceID: INSTANCE.processor,
        ResourceType: PROCESSOR,
        VirtualQuantity: machine.cpus,
      }),
      item({
        AllocationUnits: 'byte * 2^20', // Proxmox reads the quantity as MiB
        Description: 'Memory',
        ElementName: `${machine.memory} MiB of memory`,
        InstanceID: INSTANCE.memory,
        ResourceType: MEMORY,
        VirtualQuantity: machine.memory,
      }),
      ...storage,
      ...nicItems(machine, INSTANCE.firstController + storage.length),
    ],
    'vmw:Config': firmwareSettings(machine),
  };
}

/** The controllers, then the disks in their order: by it Proxmox boots. */
function storageItems({ diskController }: Machine, slots: readonly DiskSlot[]): Xml[] {
  const { title, subType, resourceType } = DISK_CONTROLLERS[diskController];
  const count = Math.max(...slots.map(({ controller }) => controller)) + 1;
  const controllers = Array.from({ length: count }, (_, number) =>
    item({
      Address: number,
      Description: title,
      ElementName: `${title} ${number}`,
      InstanceID: INSTANCE.firstController + number,
      ...(subType !== undefined && { ResourceSubType: subType }),
      ResourceType: resourceType,
    }),
  );
  const disks = slots.map(({ controller, address }, index) =>
    item({
      AddressOnParent: address,
      ElementName: `Hard disk ${index + 1}`,
      HostResource: `ovf:/disk/${diskId(index)}`, // the only form that Proxmox accepts
      InstanceID: INSTANCE.firstController + count + index,
      Parent: INSTANCE.firstController + controller,
      ResourceType: DISK_DRIVE,
    }),
  );
  return [...controllers, ...disks];
}

function nicItems({ nic }: Machine, instance: number): Xml[] {
  if (nic === 'none') return [];
  return [
    item({
      AutomaticAllocation: true, // connected when the machine starts
      Connection: NETWORK,
      Description: `${nic} ethernet adapter`,
      ElementName: 'Ethernet 1',
      InstanceID: instance,
      ResourceSubType: nic,
      ResourceType: ETHERNET_ADAPTER,
    }),
  ];
}

/** VMware's own; with a BootOrderSection beside them vCenter would use BIOS. */
function firmwareSettings({ firmware }: Machine): Xml[] {
  const settings: { key: string; value: string }[] = [{ key: 'firmware', value: firmware }];
  // No firmware has the keys of a boot loader that the owner of the guest has built.
  if (firmware === 'efi') {
    settings.push({ key: 'bootOptions.efiSecureBootEnabled', value: 'false' });
  }
  return settings.map(({ key, value }) => ({
    '@ovf:required': 'false',
    '@vmw:key': key,
    '@vmw:value': value,
  }));
}

/** A piece of hardware. The schema demands its properties in alphabetical order. */
function item(properties: Record<string, string | number | boolean>): Xml {
  const names = Object.keys(properties).sort();
  return Object.fromEntries(names.map((name) => [`rasd:${name}`, properties[name]]));
}

/**
 * Escapes any text for xmlbuilder2. That decodes `&#38;` and the like, escapes the text, and leaves
 * what looks like `&amp;` as it is: this form of the ampersand survives both.
 */
function literal(text: string): string {
  return text.replaceAll('&', '&#38;amp;');
}
