// The machine as XML: DSP0243 1.1, "OVF descriptor", with only those parts that VMware products,
// VirtualBox, Proxmox and virt-v2v read:
//   References              the file of the disk
//   DiskSection, NetworkSection
//   VirtualSystem           OperatingSystemSection, VirtualHardwareSection, VirtualBox's Machine

import { create } from 'xmlbuilder2';
import type { Machine } from '../machine.ts';
import { DISK_CONTROLLERS, guestOf } from './hardware.ts';
import { diskUuid, VIRTUALBOX_NAMESPACE, virtualboxMachine } from './encode-virtualbox.ts';

/**
 * The importers that the OVF is for. `vmware` keeps to the standard and imports everywhere, but in
 * VirtualBox the machine starts with BIOS. `both` adds VirtualBox's own description, which the
 * schema of the standard does not allow and other importers skip. `virtualbox` also has its
 * hardware family, which ESXi refuses.
 */
export type Profile = 'vmware' | 'both' | 'virtualbox';

/** What the OVF describes. */
export interface OvfFacts {
  /** Name of the machine: any text that XML can hold. */
  readonly name: string;
  readonly machine: Machine;
  readonly profile: Profile;
  readonly disk: {
    /** Name of the member. */
    readonly fileName: string;
    /** Size of the member in bytes; vSphere refuses the archive if it differs. */
    readonly fileSize: number;
    /** Size of the disk in bytes. */
    readonly capacity: number;
    /** 16 bytes, RFC 9562. */
    readonly uuid: Uint8Array;
  };
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

const FILE_ID = 'file1';
const DISK_ID = 'vmdisk1';
const NETWORK = 'VM Network'; // ESXi's name of its first network

// "ResourceType" of CIM_ResourceAllocationSettingData.
const PROCESSOR = 3;
const MEMORY = 4;
const ETHERNET_ADAPTER = 10;
const DISK_DRIVE = 17;

// "InstanceID" of the hardware; virt-v2v needs numbers.
const INSTANCE = { processor: 1, memory: 2, controller: 3, disk: 4, nic: 5 };

type Xml = Record<string, unknown>;

/** Encodes the OVF in UTF-8. Of `fileSize`, only the number of digits affects its length. */
export function encodeOvf(facts: OvfFacts): Uint8Array {
  const document = create({ version: '1.0', encoding: 'UTF-8' }, { Envelope: envelope(facts) });
  return new TextEncoder().encode(`${document.end({ prettyPrint: true })}\n`);
}

function envelope({ name, machine, profile, disk }: OvfFacts): Xml {
  const forVirtualbox = profile !== 'vmware';
  return {
    ...NAMESPACES,
    ...(forVirtualbox && { '@xmlns:vbox': VIRTUALBOX_NAMESPACE }),
    References: {
      File: { '@ovf:href': disk.fileName, '@ovf:id': FILE_ID, '@ovf:size': disk.fileSize },
    },
    DiskSection: {
      Info: 'Virtual disks',
      Disk: {
        '@ovf:capacity': disk.capacity,
        '@ovf:capacityAllocationUnits': 'byte',
        '@ovf:diskId': DISK_ID,
        '@ovf:fileRef': FILE_ID,
        '@ovf:format': STREAM_OPTIMIZED,
        ...(forVirtualbox && { '@vbox:uuid': diskUuid(disk.uuid) }),
      },
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
      VirtualHardwareSection: hardwareSection({ name, machine, profile }),
      ...(forVirtualbox && {
        'vbox:Machine': virtualboxMachine(machine, literal(name), disk.uuid),
      }),
    },
  };
}

function networkSection(): Xml {
  const Description = 'The first network of the host';
  return { Info: 'Networks', Network: { '@ovf:name': NETWORK, Description } };
}

function hardwareSection({ name, machine, profile }: Omit<OvfFacts, 'disk'>): Xml {
  const { controller, disk } = storageItems(machine);
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
      controller,
      disk,
      ...nicItems(machine),
    ],
    'vmw:Config': firmwareSettings(machine),
  };
}

function storageItems({ diskController }: Machine): { controller: Xml; disk: Xml } {
  const { title, subType, resourceType } = DISK_CONTROLLERS[diskController];
  return {
    controller: item({
      Address: 0,
      Description: title,
      ElementName: `${title} 0`,
      InstanceID: INSTANCE.controller,
      ...(subType !== undefined && { ResourceSubType: subType }),
      ResourceType: resourceType,
    }),
    disk: item({
      AddressOnParent: 0,
      ElementName: 'Hard disk 1',
      HostResource: `ovf:/disk/${DISK_ID}`, // the only form that Proxmox accepts
      InstanceID: INSTANCE.disk,
      Parent: INSTANCE.controller,
      ResourceType: DISK_DRIVE,
    }),
  };
}

function nicItems({ nic }: Machine): Xml[] {
  if (nic === 'none') return [];
  return [
    item({
      AutomaticAllocation: true, // connected when the machine starts
      Connection: NETWORK,
      Description: `${nic} ethernet adapter`,
      ElementName: 'Ethernet 1',
      InstanceID: INSTANCE.nic,
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
