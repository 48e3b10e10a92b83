import { createHash } from 'node:crypto';
import { extract } from 'tar-stream';
import { describe, expect, test } from 'vitest';
import {
  BLOCK_SIZE,
  type Format,
  ova,
  type OvaWriteOptions,
  raw,
  vmdk,
} from '../../formats/index.ts';
import { ovaOf } from '../../formats/ova/index.ts';
import { diskWithBlocks } from '../support/disks.ts';
import { MemoryImage } from '../support/memory-image.ts';
import { requestOf, writeImage } from '../support/write-image.ts';
import { filesOf, walk } from './ova-walker.ts';

const GIB = 2 ** 30;
const DISK = diskWithBlocks(4 * BLOCK_SIZE, [1, 3]);

const DEFAULT_OVF = `\
<?xml version="1.0" encoding="UTF-8"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:cim="http://schemas.dmtf.org/wbem/wscim/1/common" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData" xmlns:vmw="http://www.vmware.com/schema/ovf" xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <References>
    <File ovf:href="golden-disk.vmdk" ovf:id="file1" ovf:size="DISK_FILE_SIZE"/>
  </References>
  <DiskSection>
    <Info>Virtual disks</Info>
    <Disk ovf:capacity="262144" ovf:capacityAllocationUnits="byte" ovf:diskId="vmdisk1" ovf:fileRef="file1" ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>
  </DiskSection>
  <NetworkSection>
    <Info>Networks</Info>
    <Network ovf:name="VM Network">
      <Description>The first network of the host</Description>
    </Network>
  </NetworkSection>
  <VirtualSystem ovf:id="golden">
    <Info>A virtual machine</Info>
    <Name>golden</Name>
    <OperatingSystemSection ovf:id="101" vmw:osType="otherLinux64Guest">
      <Info>The operating system</Info>
    </OperatingSystemSection>
    <VirtualHardwareSection>
      <Info>Virtual hardware</Info>
      <System>
        <vssd:ElementName>Virtual Hardware Family</vssd:ElementName>
        <vssd:InstanceID>0</vssd:InstanceID>
        <vssd:VirtualSystemIdentifier>golden</vssd:VirtualSystemIdentifier>
        <vssd:VirtualSystemType>vmx-14</vssd:VirtualSystemType>
      </System>
      <Item>
        <rasd:AllocationUnits>hertz * 10^6</rasd:AllocationUnits>
        <rasd:Description>Number of virtual CPUs</rasd:Description>
        <rasd:ElementName>4 virtual CPU(s)</rasd:ElementName>
        <rasd:InstanceID>1</rasd:InstanceID>
        <rasd:ResourceType>3</rasd:ResourceType>
        <rasd:VirtualQuantity>4</rasd:VirtualQuantity>
      </Item>
      <Item>
        <rasd:AllocationUnits>byte * 2^20</rasd:AllocationUnits>
        <rasd:Description>Memory</rasd:Description>
        <rasd:ElementName>4096 MiB of memory</rasd:ElementName>
        <rasd:InstanceID>2</rasd:InstanceID>
        <rasd:ResourceType>4</rasd:ResourceType>
        <rasd:VirtualQuantity>4096</rasd:VirtualQuantity>
      </Item>
      <Item>
        <rasd:Address>0</rasd:Address>
        <rasd:Description>SCSI Controller</rasd:Description>
        <rasd:ElementName>SCSI Controller 0</rasd:ElementName>
        <rasd:InstanceID>3</rasd:InstanceID>
        <rasd:ResourceSubType>lsilogic</rasd:ResourceSubType>
        <rasd:ResourceType>6</rasd:ResourceType>
      </Item>
      <Item>
        <rasd:AddressOnParent>0</rasd:AddressOnParent>
        <rasd:ElementName>Hard disk 1</rasd:ElementName>
        <rasd:HostResource>ovf:/disk/vmdisk1</rasd:HostResource>
        <rasd:InstanceID>4</rasd:InstanceID>
        <rasd:Parent>3</rasd:Parent>
        <rasd:ResourceType>17</rasd:ResourceType>
      </Item>
      <Item>
        <rasd:AutomaticAllocation>true</rasd:AutomaticAllocation>
        <rasd:Connection>VM Network</rasd:Connection>
        <rasd:Description>E1000 ethernet adapter</rasd:Description>
        <rasd:ElementName>Ethernet 1</rasd:ElementName>
        <rasd:InstanceID>5</rasd:InstanceID>
        <rasd:ResourceSubType>E1000</rasd:ResourceSubType>
        <rasd:ResourceType>10</rasd:ResourceType>
      </Item>
      <vmw:Config ovf:required="false" vmw:key="firmware" vmw:value="efi"/>
      <vmw:Config ovf:required="false" vmw:key="bootOptions.efiSecureBootEnabled" vmw:value="false"/>
    </VirtualHardwareSection>
  </VirtualSystem>
</Envelope>
`;

describe('the archive', () => {
  test('holds the OVF, the manifest and the disk, in this order', async () => {
    const { members } = walk(await writeImage(ova(), DISK));
    expect(members.map(({ name }) => name)).toEqual([
      'golden.ovf',
      'golden.mf',
      'golden-disk.vmdk',
    ]);
  });

  test('ends with two blocks of zeros in a whole record of 10 KiB', async () => {
    for (const size of [512, 10_240, 20_480, 65_536]) {
      const archive = await writeImage(ovaOf(raw()), diskWithBlocks(size, []));
      const { end } = walk(archive);
      expect(archive.position % 10_240).toBe(0);
      expect(archive.position - end).toBeLessThan(1024 + 10_240);
    }
  });

  test('holds the disk as its own format writes it, under the name that it knows', async () => {
    const disk = filesOf(await writeImage(ova(), DISK)).get('golden-disk.vmdk')!;
    const alone = await writeImage(vmdk(), DISK, { identity: { name: 'golden-disk' } });
    expect(disk).toEqual(alone.read(0, alone.position));
    expect(disk.toString('latin1')).toContain('SPARSE "golden-disk.vmdk"');
  });

  test('is the same for the same disk', async () => {
    const [one, two] = [await writeImage(ova(), DISK), await writeImage(ova(), DISK)];
    expect(one.read(0, one.position)).toEqual(two.read(0, two.position));
  });

  test('has the same layout whatever number of digits the size of the disk has', async () => {
    const sizes = [512, 65_536, 10 * GIB, 10_000 * GIB];
    const starts = new Set<number>();
    for (const size of sizes) {
      const format = ovaOf(raw(), { manifest: 'none' });
      const { members } = walk(await writeImage(format, diskWithBlocks(size, [])));
      starts.add(members[1]!.start);
    }
    expect(starts.size).toBe(1);
  });

  test('counts a disk below 8 GiB in octal', async () => {
    const format = ovaOf(raw(), { manifest: 'none' });
    const { members } = walk(await writeImage(format, diskWithBlocks(8 * GIB - 512, [])));
    expect(members[1]!.header.toString('latin1', 124, 136)).toBe('77777777000\0');
  });

  test('counts a disk of 8 GiB in base-256, without pax records', async () => {
    const format = ovaOf(raw(), { manifest: 'none' });
    const { members } = walk(await writeImage(format, diskWithBlocks(8 * GIB, [])));
    expect(members.map(({ name }) => name)).toEqual(['golden.ovf', 'golden-disk.raw']);
    expect(members[1]!.header.toString('hex', 124, 136)).toBe('800000000000000200000000');
  });

  test('is read by tar-stream', async () => {
    const archive = await writeImage(ova(), DISK);
    const reader = extract();
    reader.end(archive.read(0, archive.position));
    const found = [];
    for await (const entry of reader) {
      found.push([entry.header.name, entry.header.type, entry.header.pax]);
      entry.resume();
    }
    expect(found).toEqual([
      ['golden.ovf', 'file', null],
      ['golden.mf', 'file', null],
      ['golden-disk.vmdk', 'file', null],
    ]);
  });

  test('is known by its first member', async () => {
    const format = ova();
    expect(format.matches((await writeImage(format, DISK)).read(0, 512))).toBe(true);
    const [, manifest] = walk(await writeImage(format, DISK)).members;
    expect(format.matches(manifest!.header)).toBe(false);
    expect(format.matches(new Uint8Array(512))).toBe(false);
    expect(format.matches(new Uint8Array(4))).toBe(false);
  });

  test('cannot be begun while the size of the disk is unknown', async () => {
    const format = ova();
    expect(format).toMatchObject({ streaming: 'never', needsDiskSize: true });
    const request = requestOf(format, new MemoryImage(), {});
    await expect(format.write(request)).rejects.toThrow('the size of the disk must be known');
  });

  test('refuses names that Proxmox or a tar without pax does not take', async () => {
    for (const name of ['a b', 'a/b', 'ä', 'x'.repeat(92)]) {
      const written = writeImage(ovaOf(raw()), DISK, { identity: { name } });
      await expect(written).rejects.toThrow('ova: the name "');
    }
    const longest = { identity: { name: 'x'.repeat(91) } };
    await expect(writeImage(ovaOf(raw()), DISK, longest)).resolves.toBeDefined();
  });

  test('refuses a disk that is patched, which no hash could follow', async () => {
    const patching: Format = {
      ...raw(),
      write: ({ output }) =>
        Promise.resolve({
          add: () => undefined,
          finish: () => output.patch(0, new Uint8Array(1)),
        }),
    };
    await expect(writeImage(ovaOf(patching), DISK)).rejects.toThrow('it cannot be patched');
  });

  test('takes the disks that its VMDK takes', () => {
    const inner = vmdk();
    const { maxDiskSize, sizeMultiple } = inner;
    expect(ova()).toMatchObject({ maxDiskSize, sizeMultiple });
    expect(ova().encoding({ level: 9 })).toEqual(inner.encoding({ level: 9 }));
  });
});

describe('the manifest', () => {
  test.each(['sha1', 'sha256', 'sha512'] as const)(
    'has the %s of every other member',
    async (manifest) => {
      const files = filesOf(await writeImage(ova({ manifest }), DISK));
      const line = (name: string) => {
        const digest = createHash(manifest).update(files.get(name)!).digest('hex');
        return `${manifest.toUpperCase()}(${name})= ${digest}\n`;
      };
      const expected = line('golden.ovf') + line('golden-disk.vmdk');
      expect(files.get('golden.mf')!.toString()).toBe(expected);
    },
  );

  test('counts the zeros of a disk with holes', async () => {
    const files = filesOf(await writeImage(ovaOf(raw()), diskWithBlocks(200_192, [])));
    const digest = createHash('sha256').update(Buffer.alloc(200_192)).digest('hex');
    expect(files.get('golden.mf')!.toString()).toContain(`SHA256(golden-disk.raw)= ${digest}\n`);
  });

  test('can be left out', async () => {
    const files = filesOf(await writeImage(ova({ manifest: 'none' }), DISK));
    expect([...files.keys()]).toEqual(['golden.ovf', 'golden-disk.vmdk']);
  });
});

async function ovfOf(options: OvaWriteOptions = {}): Promise<string> {
  return filesOf(await writeImage(ova(options), DISK))
    .get('golden.ovf')!
    .toString();
}

describe('the OVF', () => {
  test('describes a machine with 4 CPUs, 4 GiB, a SCSI disk, a network card and UEFI', async () => {
    const files = filesOf(await writeImage(ova(), DISK));
    const size = String(files.get('golden-disk.vmdk')!.length);
    const expected = DEFAULT_OVF.replace('DISK_FILE_SIZE', size);
    const found = files.get('golden.ovf')!.toString();
    expect(found.trimEnd()).toBe(expected.trimEnd());
    expect(found.slice(found.trimEnd().length)).toMatch(/^\n+$/);
  });

  test('takes any text for a name, and gives back the same', async () => {
    const vmName = `"Bücher" & <Räder> &amp; &#65; ]]> 'x' 💾`;
    const escaped = '"Bücher" &amp; &lt;Räder&gt; &amp;amp; &amp;#65; ]]&gt; \'x\' 💾';
    const xml = await ovfOf({ vmName });
    expect(xml).toContain(`<Name>${escaped}</Name>`);
    expect(xml).toContain(`ovf:id="${escaped.replaceAll('"', '&quot;')}"`);
  });

  test('refuses names that XML cannot hold', () => {
    for (const vmName of ['', ' ', 'a\nb', 'a\0b', 'a\ud800b', 'a\uffffb']) {
      expect(() => ova({ vmName })).toThrow('cannot be the name of a machine');
    }
  });

  test('refuses a machine that no importer takes', () => {
    expect(() => ova({ cpus: 0 })).toThrow('ova: cpus is 0, it must be a whole number above 0');
    expect(() => ova({ cpus: 1.5 })).toThrow('cpus is 1.5');
    expect(() => ova({ memory: 4097 })).toThrow('memory is 4097, it must be a multiple of 4');
    expect(() => ova({ hwVersion: Number.NaN })).toThrow('hwVersion is NaN');
  });

  test('gives the hardware version two digits', async () => {
    expect(await ovfOf({ hwVersion: 8 })).toContain('>vmx-08<');
    expect(await ovfOf({ hwVersion: 21 })).toContain('>vmx-21<');
  });

  test('gives an IDE controller no subtype, which vCenter refuses, and the VMDK its adapter', async () => {
    const files = filesOf(await writeImage(ova({ diskController: 'ide', nic: 'none' }), DISK));
    expect(files.get('golden.ovf')!.toString()).not.toContain('ResourceSubType');
    expect(files.get('golden-disk.vmdk')!.toString('latin1')).toContain('adapterType = "ide"');
  });

  test('names no network for a machine without a network card', async () => {
    expect(await ovfOf({ nic: 'none' })).not.toMatch(/Network|Ethernet/);
  });

  test('says nothing of secure boot for a machine with BIOS', async () => {
    const xml = await ovfOf({ firmware: 'bios' });
    expect(xml).toContain('vmw:key="firmware" vmw:value="bios"');
    expect(xml).not.toContain('efi');
  });
});

describe('the guest', () => {
  test.each([
    ['debian12_64Guest', 96, 'Debian_64'],
    ['ubuntuGuest', 93, 'Ubuntu'],
    ['rhel9_64Guest', 80, 'RedHat_64'],
    ['rockylinux_64Guest', 101, 'Linux_64'],
    ['windows2019srvNext_64Guest', 1, 'WindowsNT_64'],
    ['darwin23_64Guest', 1, 'Other_64'],
  ] as const)('may be any of VMware: %s', async (osType, cim, virtualbox) => {
    const xml = await ovfOf({ profile: 'both', osType });
    expect(xml).toContain(`<OperatingSystemSection ovf:id="${cim}" vmw:osType="${osType}">`);
    expect(xml).toContain(`OSType="${virtualbox}"`);
  });

  test('must look like a name of VMware', () => {
    const osType = 'Debian 12' as 'debian12_64Guest'; // as from JavaScript
    expect(() => ova({ osType })).toThrow('"Debian 12" is not VMware\'s name of a guest');
  });
});

describe('the profiles for VirtualBox', () => {
  const diskUuid = '10111213-1415-4617-b819-1a1b1c1d1e1f';

  test('have its own description of the same machine, with EFI', async () => {
    const xml = await ovfOf({ profile: 'both', cpus: 2, memory: 1024, osType: 'debian10_64Guest' });
    const machine = /<vbox:Machine .*<\/vbox:Machine>/s.exec(xml)![0];
    expect(machine).toContain('<Firmware type="EFI"/>');
    expect(machine).toContain('<CPU count="2"/>');
    expect(machine).toContain('<Memory RAMSize="1024"/>');
    expect(machine).toContain('OSType="Debian_64"');
    expect(machine).toContain('ovf:required="false"');
    expect(machine).toContain('type="LsiLogic"');
  });

  test('name the disk by one uuid in both descriptions, and the machine by another', async () => {
    const xml = await ovfOf({ profile: 'both' });
    expect(xml).toContain(`vbox:uuid="${diskUuid}"`);
    expect(xml).toContain(`<Image uuid="{${diskUuid}}"/>`);
    expect(xml).not.toContain(` uuid="{${diskUuid}}" name=`);
  });

  test('keep the description that everybody else reads', async () => {
    const xml = await ovfOf({ profile: 'both' });
    const without = xml
      .replace(/ *<vbox:Machine .*<\/vbox:Machine>\n/s, '')
      .replace(/ (xmlns:vbox|vbox:uuid)="[^"]*"/g, '');
    expect(without.trimEnd()).toBe((await ovfOf()).trimEnd());
  });

  test('name its hardware family only if they are for it alone', async () => {
    expect(await ovfOf({ profile: 'both' })).toContain('>vmx-14<');
    expect(await ovfOf({ profile: 'virtualbox' })).toContain('>virtualbox-2.2<');
  });

  test('leave BIOS to it as its default', async () => {
    expect(await ovfOf({ profile: 'both', firmware: 'bios' })).not.toContain('<Firmware');
  });
});
