// An appliance as VirtualBox exports it in "OVF 1.0". Source: VirtualBox, src/VBox/Main,
// ApplianceImplExport.cpp. Odd in it: the manifest comes last, with a space before the bracket;
// disks are `/disk/ID`; there are controllers without a disk, an empty CD drive, and a description
// of its own.

import { createHash } from 'node:crypto';

const BLOCK = 512;

/** A machine with those disks on its SATA controller. */
export function virtualboxOva(disks: readonly { vmdk: Buffer; capacity: number }[]): Buffer {
  const named = disks.map((disk, i) => ({ ...disk, name: `box-disk00${i + 1}.vmdk` }));
  const files = [
    { name: 'box.ovf', bytes: Buffer.from(ovfOf(named)) },
    ...named.map(({ name, vmdk }) => ({ name, bytes: vmdk })),
  ];
  const lines = files.map(({ name, bytes }) => `SHA1 (${name})= ${sha1(bytes)}\n`);
  const manifest = { name: 'box.mf', bytes: Buffer.from(lines.join('')) };
  const members = [...files, manifest].flatMap(({ name, bytes }) => memberOf(name, bytes));
  return Buffer.concat([...members, Buffer.alloc(2 * BLOCK)]);
}

function sha1(bytes: Buffer): string {
  return createHash('sha1').update(bytes).digest('hex');
}

/** A member of a ustar archive. */
function memberOf(name: string, bytes: Buffer): Buffer[] {
  const header = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, digits: number) =>
    header.write(value.toString(8).padStart(digits, '0'), at);
  header.write(name);
  octal(0o100640, 100, 7);
  octal(7, 108, 7); // version of VirtualBox
  octal(0, 116, 7);
  octal(bytes.length, 124, 11);
  octal(1_700_000_000, 136, 11);
  header.fill(' ', 148, 156);
  header.write('0', 156);
  header.write('ustar\x0000', 257, 'latin1');
  header.write('vboxovf10', 265);
  header.write('vbox_v7.0.20r163906', 297);
  octal(
    header.reduce((sum, byte) => sum + byte, 0),
    148,
    6,
  );
  header.writeUInt8(0, 154);
  return [header, bytes, Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK)];
}

interface NamedDisk {
  readonly name: string;
  /** In bytes. */
  readonly capacity: number;
}

const uuidOf = (index: number) => `8a5d7bb6-5a27-4f5a-a2c4-6b8f4c5f2d1${index}`;

function ovfOf(disks: readonly NamedDisk[]): string {
  const files = disks.map(({ name }, i) => `<File ovf:id="file${i + 1}" ovf:href="${name}"/>`);
  const described = disks.map(
    ({ capacity }, i) =>
      `<Disk ovf:capacity="${capacity}" ovf:diskId="vmdisk${i + 1}" ovf:fileRef="file${i + 1}" ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized" vbox:uuid="${uuidOf(i)}"/>`,
  );
  return `<?xml version="1.0"?>
<Envelope ovf:version="1.0" xml:lang="en-US" xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData" xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:vbox="http://www.virtualbox.org/ovf/machine">
  <References>
    ${files.join('\n    ')}
  </References>
  <DiskSection>
    <Info>Disks</Info>
    ${described.join('\n    ')}
  </DiskSection>
  <NetworkSection>
    <Info>Networks</Info>
    <Network ovf:name="NAT"><Description>A network</Description></Network>
  </NetworkSection>
  <VirtualSystem ovf:id="box">
    <Info>A machine</Info>
    <OperatingSystemSection ovf:id="96">
      <Info>The guest</Info>
      <Description>Debian_64</Description>
      <vbox:OSType ovf:required="false">Debian_64</vbox:OSType>
    </OperatingSystemSection>
    <VirtualHardwareSection>
      <Info>Hardware</Info>
      <System>
        <vssd:ElementName>Virtual Hardware Family</vssd:ElementName>
        <vssd:InstanceID>0</vssd:InstanceID>
        <vssd:VirtualSystemIdentifier>box</vssd:VirtualSystemIdentifier>
        <vssd:VirtualSystemType>virtualbox-2.2</vssd:VirtualSystemType>
      </System>
${itemsOf(disks)}
    </VirtualHardwareSection>
    <vbox:Machine ovf:required="false" version="1.19-linux" uuid="{0d2b7f4e-6f3c-4a0b-8a39-5d1f6f0f7a11}" name="box" OSType="Debian_64">
      <ovf:Info>Settings</ovf:Info>
      <Hardware><CPU count="2"/><Memory RAMSize="2048"/><Firmware type="EFI"/></Hardware>
      <StorageControllers>
        <StorageController name="SATA" type="AHCI" PortCount="${disks.length}" useHostIOCache="false" Bootable="true">
          ${disks.map((_, i) => `<AttachedDevice type="HardDisk" hotpluggable="false" port="${i}" device="0"><Image uuid="{${uuidOf(i)}}"/></AttachedDevice>`).join('\n          ')}
        </StorageController>
      </StorageControllers>
    </vbox:Machine>
  </VirtualSystem>
</Envelope>
`;
}

function itemsOf(disks: readonly NamedDisk[]): string {
  const fixed = [
    ['2 virtual CPU', 3, 1, '<rasd:VirtualQuantity>2</rasd:VirtualQuantity>'],
    [
      '2048 MB of memory',
      4,
      2,
      '<rasd:AllocationUnits>MegaBytes</rasd:AllocationUnits><rasd:VirtualQuantity>2048</rasd:VirtualQuantity>',
    ],
    ['ideController0', 5, 3, '<rasd:ResourceSubType>PIIX4</rasd:ResourceSubType>'],
    ['ideController1', 5, 4, '<rasd:ResourceSubType>PIIX4</rasd:ResourceSubType>'],
    ['sataController0', 20, 5, '<rasd:ResourceSubType>AHCI</rasd:ResourceSubType>'],
    ['cdrom1', 15, 6, '<rasd:Parent>4</rasd:Parent>'],
    [
      "Ethernet adapter on 'NAT'",
      10,
      7,
      '<rasd:Connection>NAT</rasd:Connection><rasd:ResourceSubType>E1000</rasd:ResourceSubType>',
    ],
  ] as const;
  const hung = disks.map(
    (_, i) =>
      [
        `disk${i + 1}`,
        17,
        8 + i,
        `<rasd:AddressOnParent>${i}</rasd:AddressOnParent><rasd:HostResource>/disk/vmdisk${i + 1}</rasd:HostResource><rasd:Parent>5</rasd:Parent>`,
      ] as const,
  );
  return [...fixed, ...hung]
    .map(
      ([title, type, id, rest]) =>
        `      <Item><rasd:Caption>${title}</rasd:Caption><rasd:ElementName>${title}</rasd:ElementName><rasd:InstanceID>${id}</rasd:InstanceID><rasd:ResourceType>${type}</rasd:ResourceType>${rest}</Item>`,
    )
    .join('\n');
}
