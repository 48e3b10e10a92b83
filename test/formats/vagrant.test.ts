// Boxes to tar, QEMU and xmllint, and boxes of others to our reader.

import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  type Format,
  qcow2,
  type VagrantOptions,
  vagrantLibvirt,
  vagrantVirtualbox,
  vmdk,
} from '../../formats/index.ts';
import { encodeMember } from '../../formats/tar/encode-tar.ts';
import { DISKS, diskWithBlocks, writeDisk } from '../support/disks.ts';
import { temporaryFolder } from '../support/folder.ts';
import { compareImage, describeWith, run } from '../support/peers.ts';
import { openImage } from '../support/read-image.ts';
import { writeImage } from '../support/write-image.ts';

const MIB = 2 ** 20;
const DISK = diskWithBlocks(3 * MIB + 512, [0, 7, 48]);

async function box(format: Format, disk = DISK): Promise<string> {
  const path = join(temporaryFolder(), 'x.box');
  (await writeImage(format, disk)).save(path);
  return path;
}

const textIn = (path: string, name: string) => run('tar', '-xOf', path, name);

describeWith(['tar', 'bsdtar'], 'a box', () => {
  test.each([
    ['libvirt', vagrantLibvirt(), ['box.img']],
    ['virtualbox', vagrantVirtualbox(), ['box.ovf', 'box-disk001.vmdk']],
  ])('for %s has the files that Vagrant finds', async (provider, format, files) => {
    const path = await box(format);
    const names = ['metadata.json', 'Vagrantfile', ...files, ''].join('\n');
    expect(run('tar', '-tf', path)).toBe(names);
    expect(run('bsdtar', '-tf', path)).toBe(names);
    expect(JSON.parse(textIn(path, 'metadata.json'))).toMatchObject({ provider });
  });

  test('for libvirt has the size of the disk in whole GiB', async () => {
    for (const [size, expected] of [
      [512, 1],
      [2 ** 30, 1],
      [2 ** 30 + 512, 2],
    ] as const) {
      const path = await box(vagrantLibvirt(), diskWithBlocks(size, [0]));
      expect(JSON.parse(textIn(path, 'metadata.json'))).toEqual({
        provider: 'libvirt',
        format: 'qcow2',
        virtual_size: expected,
      });
    }
  });

  test.each<[string, VagrantOptions, string[]]>([
    ['virtio by default', {}, ['disk_bus = "virtio"', 'nic_model_type = "virtio"']],
    ['its size', { cpus: 2, memory: 1024 }, ['libvirt.cpus = 2', 'libvirt.memory = 1024']],
    ['what is asked for', { diskController: 'ide', nic: 'E1000' }, ['"ide"', '"e1000"']],
    ['what Windows has', { osType: 'windows9_64Guest' }, ['"sata"', '"e1000"']],
    ['UEFI', { firmware: 'efi' }, ['libvirt.loader = %w[/usr/share/OVMF/']],
  ])('for libvirt has %s', async (_, options, lines) => {
    const found = textIn(await box(vagrantLibvirt(options)), 'Vagrantfile');
    for (const line of lines) expect(found).toContain(line);
  });

  test('for libvirt names no firmware for BIOS', async () => {
    const path = await box(vagrantLibvirt({ firmware: 'bios' }));
    expect(textIn(path, 'Vagrantfile')).not.toContain('loader');
  });

  test('for VirtualBox has the address of its card', async () => {
    const found = textIn(await box(vagrantVirtualbox()), 'Vagrantfile');
    expect(found).toContain('config.vm.base_mac = "0800271D1E1F"');
  });

  test.each([
    [{ diskController: 'nvme' }, "vagrant: libvirt's boxes have no nvme"],
    [{ nic: 'none' }, 'vagrant: Vagrant reaches a machine by its network card alone'],
  ] as const)('for libvirt cannot have %o', (options, message) => {
    expect(() => vagrantLibvirt(options)).toThrow(message);
  });
});

describeWith(['tar', 'xmllint'], 'the OVF of a box', () => {
  test('is XML that names the disk and its size, with EFI for VirtualBox', async () => {
    const folder = temporaryFolder();
    run('tar', '-C', folder, '-xf', await box(vagrantVirtualbox({ vmName: 'web & 1' })));
    const ovf = join(folder, 'box.ovf');
    const at = (path: string) => run('xmllint', '--xpath', path, ovf).trim();
    const size = run('stat', '-c', '%s', join(folder, 'box-disk001.vmdk')).trim();
    expect(at('string(//*[local-name()="File"]/@*[local-name()="size"])')).toBe(size);
    expect(at('string(//*[local-name()="File"]/@*[local-name()="href"])')).toBe('box-disk001.vmdk');
    expect(at('string(//*[local-name()="Firmware"]/@type)')).toBe('EFI');
    expect(at('string(//*[local-name()="VirtualSystem"]/*[local-name()="Name"])')).toBe('web & 1');
  });
});

describeWith(['qemu-img', 'tar'], 'the disk in a box', () => {
  const disks = [DISK, ...DISKS.filter(({ size }) => size < 9 * MIB)];
  const names = ['vagrant-libvirt', 'vagrant-virtualbox'] as const;
  const cases = disks.flatMap((disk) => names.map((name) => [name, disk.name, disk] as const));
  test.each(cases)('of %s is the disk: %s', async (name, _, disk) => {
    const format = name === 'vagrant-libvirt' ? vagrantLibvirt() : vagrantVirtualbox();
    const raw = join(temporaryFolder(), 'disk');
    // A VMDK has whole grains.
    const size = Math.ceil(disk.size / format.sizeMultiple) * format.sizeMultiple;
    writeDisk(raw, { ...disk, size });
    compareImage(name, await box(format, { ...disk, size }), raw);
  });
});

describe('a box of others', () => {
  const json = (value: unknown) => Buffer.from(JSON.stringify(value));

  function read(files: Readonly<Record<string, Uint8Array>>) {
    const members = Object.entries(files).flatMap(([name, bytes]) =>
      encodeMember({ name, bytes, mtime: 0 }),
    );
    return openImage(vagrantLibvirt(), Buffer.concat([...members, Buffer.alloc(1024)]));
  }

  test('for libvirt with several disks is read by the first of its metadata', async () => {
    const { bytes } = await writeImage(qcow2(), DISK);
    const disks = [{ path: 'disk2.img' }, { path: './disk1.img' }];
    const reader = await read({
      './metadata.json': json({ provider: 'libvirt', disks }),
      'disk1.img': bytes,
      'disk2.img': bytes,
      'box.img': bytes,
    });
    const { disk, disks: all } = reader.facts.details;
    expect([disk, all]).toEqual(['disk2.img', ['disk2.img', 'disk1.img']]);
  });

  describe('for VirtualBox', () => {
    const metadata = { 'metadata.json': json({ provider: 'virtualbox' }) };
    const ovf = {
      'box.ovf': Buffer.from(`<Envelope><References>
        <File id="f1" href="a.vmdk"/><File id="f2" href="b.vmdk"/>
      </References><DiskSection>
        <Disk diskId="d1" fileRef="f1" format="vmdk"/><Disk diskId="d2" fileRef="f2" format="vmdk"/>
      </DiskSection><VirtualSystem>
        <Item><ResourceType>17</ResourceType><HostResource>/disk/d2</HostResource></Item>
        <Item><ResourceType>17</ResourceType><HostResource>/disk/d1</HostResource></Item>
      </VirtualSystem></Envelope>`),
    };

    test('with several disks is read by the first of its OVF', async () => {
      const { bytes } = await writeImage(vmdk(), DISK);
      const reader = await read({ ...metadata, 'a.vmdk': bytes, 'b.vmdk': bytes, ...ovf });
      const { disk, disks } = reader.facts.details;
      expect([disk, disks]).toEqual(['b.vmdk', ['b.vmdk', 'a.vmdk']]);
    });

    test('without the first disk of its OVF is refused', async () => {
      const { bytes } = await writeImage(vmdk(), DISK);
      await expect(read({ ...metadata, 'a.vmdk': bytes, ...ovf })).rejects.toThrow(
        'the disk d2 is in the file b.vmdk, which is not in the archive',
      );
    });

    test('without an OVF is read if it has one disk', async () => {
      const { bytes } = await writeImage(vmdk(), DISK);
      const reader = await read({ ...metadata, 'a.vmdk': bytes });
      expect(reader.facts.details['disk']).toBe('a.vmdk');
      await expect(read({ ...metadata, 'a.vmdk': bytes, 'b.vmdk': bytes })).rejects.toThrow(
        'does not say which of its disks is the first: a.vmdk, b.vmdk',
      );
    });
  });

  test.each<[string, Readonly<Record<string, Uint8Array>>, string]>([
    ['without metadata', { Vagrantfile: json(1) }, 'the archive has no metadata.json'],
    ['for another provider', { 'metadata.json': json({ provider: 'hyperv' }) }, 'for "hyperv"'],
    ['without a disk', { 'metadata.json': json({ provider: 'libvirt' }) }, 'has no disk'],
    [
      'of several disks without an order',
      { 'metadata.json': json({ provider: 'libvirt' }), 'b.img': json(1), 'a.img': json(1) },
      'which of its disks is the first: b.img, a.img',
    ],
    [
      'without the first of its disks',
      {
        'metadata.json': json({ provider: 'libvirt', disks: [{ path: 'b.img' }] }),
        'box.img': json(1),
      },
      'lists the disk "b.img", which is not in the archive',
    ],
    [
      'with a disk that has no path',
      { 'metadata.json': json({ provider: 'libvirt', disks: [null] }), 'box.img': json(1) },
      'lists the disk "", which is not in the archive',
    ],
    ['that is no JSON', { 'metadata.json': Buffer.from('{') }, 'is not a JSON object'],
    ['that is null', { 'metadata.json': json(null) }, 'is not a JSON object'],
  ])('%s is refused', async (_, files, message) => {
    await expect(read(files)).rejects.toThrow(message);
    await expect(read(files)).rejects.toThrow(/^vagrant: /);
  });
});
