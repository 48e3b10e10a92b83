// Machines of several disks: the archive, where its disks are attached, and how they are read.

import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { BLOCK_SIZE, ova, type OvaWriteOptions, raw } from '../../formats/index.ts';
import { ovaOf } from '../../formats/ova/index.ts';
import { diskWithBlocks, type TestDisk, writeDisk } from '../support/disks.ts';
import { sharedFolder } from '../support/folder.ts';
import { compareWithRaw, describeWith, run, testWith } from '../support/peers.ts';
import { diskOf, openImage, problemsOf } from '../support/read-image.ts';
import { writeImage } from '../support/write-image.ts';
import { writeMachine } from '../support/write-machine.ts';
import { filesOf, walk } from './ova-walker.ts';

/** Disks of different sizes, each with a block of its own. */
const disks = Array.from({ length: 3 }, (_, index) =>
  diskWithBlocks((4 + index) * BLOCK_SIZE, [index, 3]),
);
const three = await writeMachine(ova(), disks);

/** So many disks of a sector. */
function tiny(count: number): TestDisk[] {
  return Array.from({ length: count }, () => diskWithBlocks(512, []));
}

async function ovfOf(count: number, options: OvaWriteOptions = {}): Promise<string> {
  const format = ovaOf(raw(), { manifest: 'none', ...options });
  return filesOf(await writeMachine(format, tiny(count)))
    .get('golden.ovf')!
    .toString();
}

interface Hardware {
  /** The "Address" of each controller, by its InstanceID. */
  readonly controllers: ReadonlyMap<string, string>;
  /** Of each disk: its id, the Address of its controller and its own on it. */
  readonly disks: readonly (readonly [disk: string, controller: string, address: string])[];
  readonly instances: readonly string[];
}

/** The hardware in an OVF, by regular expressions. */
function hardwareOf(ovf: string): Hardware {
  const items = ovf.match(/<Item>[^]*?<\/Item>/g) ?? [];
  const valueOf = (item: string, name: string) =>
    new RegExp(`<rasd:${name}>(.*)</rasd:${name}>`).exec(item)?.[1] ?? '';
  const controllers = new Map(
    items
      .filter((item) => /<rasd:ResourceType>(5|6|20)</.test(item))
      .map((item) => [valueOf(item, 'InstanceID'), valueOf(item, 'Address')]),
  );
  const attached = items
    .filter((item) => item.includes('<rasd:ResourceType>17<'))
    .map((item) => {
      const parent = controllers.get(valueOf(item, 'Parent')) ?? 'none';
      const disk = valueOf(item, 'HostResource').replace('ovf:/disk/', '');
      return [disk, parent, valueOf(item, 'AddressOnParent')] as const;
    });
  const instances = items.map((item) => valueOf(item, 'InstanceID'));
  return { controllers, disks: attached, instances };
}

describe('an archive of several disks', () => {
  test('has the OVF, the manifest, and the disks in their order', () => {
    const names = walk(three).members.map(({ name }) => name);
    expect(names).toEqual([
      'golden.ovf',
      'golden.mf',
      'golden-disk1.vmdk',
      'golden-disk2.vmdk',
      'golden-disk3.vmdk',
    ]);
  });

  test('has in its OVF the size of each file and each disk, and in its manifest each digest', () => {
    const files = filesOf(three);
    const ovf = files.get('golden.ovf')!.toString();
    const manifest = files.get('golden.mf')!.toString();
    for (const [index, { size }] of disks.entries()) {
      const number = index + 1;
      const file = files.get(`golden-disk${number}.vmdk`)!;
      expect(ovf).toContain(
        `<File ovf:href="golden-disk${number}.vmdk" ovf:id="file${number}" ovf:size="${file.length}"/>`,
      );
      expect(ovf).toContain(
        `<Disk ovf:capacity="${size}" ovf:capacityAllocationUnits="byte" ovf:diskId="vmdisk${number}" ovf:fileRef="file${number}"`,
      );
      const digest = createHash('sha256').update(file).digest('hex');
      expect(manifest).toContain(`SHA256(golden-disk${number}.vmdk)= ${digest}\n`);
    }
  });

  test('of one disk is the archive of that disk', async () => {
    const [disk] = disks;
    const [alone, machine] = [await writeImage(ova(), disk!), await writeMachine(ova(), [disk!])];
    expect(machine.bytes.equals(alone.bytes)).toBe(true);
  });

  test('is the same for the same disks', async () => {
    expect((await writeMachine(ova(), disks)).bytes.equals(three.bytes)).toBe(true);
  });

  test('has disks of different UUIDs', async () => {
    const ovf = await ovfOf(4, { profile: 'both' });
    const uuids = [...ovf.matchAll(/vbox:uuid="([^"]+)"/g)].map(([, uuid]) => uuid);
    expect(new Set(uuids).size).toBe(4);
    expect([...ovf.matchAll(/<Image uuid="\{([^}]+)\}"/g)].map(([, uuid]) => uuid)).toEqual(uuids);
    expect(uuids).not.toContain(/<vbox:Machine [^>]*uuid="\{([^}]+)\}"/.exec(ovf)?.[1]);
  });

  test('cannot be begun while the size of a disk is unknown', async () => {
    const unsized = { ...disks[1]!, size: undefined as unknown as number };
    const begun = writeMachine(ova(), [disks[0]!, unsized]);
    await expect(begun).rejects.toThrow('the size of the disk must be known');
  });
});

describe('the disks of a machine', () => {
  test.each([
    [1, 'lsilogic', 1, '0', '0'],
    [2, 'lsilogic', 1, '0', '1'],
    [7, 'lsilogic', 1, '0', '6'],
    [8, 'lsilogic', 1, '0', '8'], // the controller itself is 7
    [15, 'VirtualSCSI', 1, '0', '15'],
    [16, 'lsilogicsas', 2, '1', '0'],
    [60, 'buslogic', 4, '3', '15'],
    [5, 'sata', 1, '0', '4'],
    [31, 'sata', 2, '1', '0'],
    [120, 'sata', 4, '3', '29'],
    [60, 'nvme', 4, '3', '14'],
    [2, 'ide', 1, '0', '1'],
    [4, 'ide', 2, '1', '1'],
  ] as const)(
    '%i on %s are on %i controllers, the last at %s:%s',
    async (count, kind, controllers, last, address) => {
      const hardware = hardwareOf(await ovfOf(count, { diskController: kind }));
      expect(hardware.controllers.size).toBe(controllers);
      expect(hardware.disks.at(-1)).toEqual([`vmdisk${count}`, last, address]);
      expect(hardware.disks[0]).toEqual(['vmdisk1', '0', '0']);
      const places = hardware.disks.map(([, controller, at]) => `${controller}:${at}`);
      expect(new Set(places).size).toBe(count);
      expect(new Set(hardware.instances).size).toBe(hardware.instances.length);
    },
  );

  test.each([
    [61, { diskController: 'lsilogic' }, 'lsilogic of a machine take 60 disks, not 61'],
    [121, { diskController: 'sata' }, 'sata of a machine take 120 disks, not 121'],
    [5, { diskController: 'ide' }, 'ide of a machine take 4 disks, not 5'],
    [16, { profile: 'both' }, 'take 15 disks, not 16, in the profile both'],
  ] as const)('are refused past the limit: %i, %o', async (count, options, message) => {
    await expect(ovfOf(count, options)).rejects.toThrow(message);
    expect(ova(options).machine!.maxDisks).toBe(count - 1);
  });

  test('have the ports of one controller in VirtualBox', async () => {
    const ovf = await ovfOf(8, { profile: 'virtualbox', diskController: 'sata' });
    expect(ovf).toContain('PortCount="8"');
    expect(ovf).toContain('<AttachedDevice type="HardDisk" port="7" device="0">');
    const ide = await ovfOf(4, { profile: 'virtualbox', diskController: 'ide' });
    expect(ide.match(/port="\d" device="\d"/g)).toEqual([
      'port="0" device="0"',
      'port="0" device="1"',
      'port="1" device="0"',
      'port="1" device="1"',
    ]);
  });
});

describe('the reader', () => {
  test('lists all disks, and reads each', async () => {
    const { bytes } = three;
    const reader = await openImage(ova(), bytes);
    expect(reader.disks?.map(({ name }) => name)).toEqual(['vmdisk1', 'vmdisk2', 'vmdisk3']);
    for (const [index, disk] of reader.disks!.entries()) {
      const one = await disk.read();
      expect(one.facts.details['disk']).toBe(`golden-disk${index + 1}.vmdk`);
      const { size, pieces } = disks[index]!;
      const expected = Buffer.alloc(size);
      for (const piece of pieces) expected.set(piece.bytes, piece.offset);
      expect((await diskOf(one, bytes)).equals(expected)).toBe(true);
    }
    expect(await problemsOf(reader)).toEqual([]);
  });

  test('lists none if one is chosen, or if there is one', async () => {
    expect((await openImage(ova({ ovaDisk: 'vmdisk2' }), three.bytes)).disks).toBeUndefined();
    const alone = await writeImage(ova(), disks[0]!);
    expect((await openImage(ova(), alone.bytes)).disks).toBeUndefined();
  });

  test('takes the order of the hardware, which is that of booting', async () => {
    const bytes = Buffer.from(three.bytes);
    const { start, size } = walk(three).members[0]!;
    const swapped = bytes
      .toString('latin1', start, start + size)
      .replace('ovf:/disk/vmdisk1', 'ovf:/disk/vmdisk?')
      .replace('ovf:/disk/vmdisk3', 'ovf:/disk/vmdisk1')
      .replace('ovf:/disk/vmdisk?', 'ovf:/disk/vmdisk3');
    bytes.write(swapped, start, 'latin1');
    const reader = await openImage(ova(), bytes);
    expect(reader.disks?.map(({ name }) => name)).toEqual(['vmdisk3', 'vmdisk2', 'vmdisk1']);
    expect(reader.facts.diskSize).toBe(disks[2]!.size);
  });

  test('refuses two disks of one id, by which it could not tell them apart', async () => {
    const bytes = Buffer.from(three.bytes);
    bytes.write('ovf:diskId="vmdisk1"', bytes.indexOf('ovf:diskId="vmdisk3"'));
    await expect(openImage(ova(), bytes)).rejects.toThrow('the OVF has two disks "vmdisk1"');
  });
});

// DMTF's schemas are not ours to ship; they may lie beside the repository.
const schema = fileURLToPath(new URL('../../../shared/ovf-xsd/ovf-driver.xsd', import.meta.url));

testWith(
  [schema, 'xmllint'],
  "xmllint with DMTF's schemas finds machines of any number of disks valid",
  async () => {
    const folder = sharedFolder();
    const paths: string[] = [];
    for (const count of [2, 4, 5, 16, 60]) {
      for (const diskController of ['lsilogic', 'sata', 'nvme', 'ide'] as const) {
        if (count > ova({ diskController }).machine!.maxDisks) continue;
        const path = join(folder, `${diskController}-${count}.ovf`);
        writeFileSync(path, await ovfOf(count, { diskController }));
        paths.push(path);
      }
    }
    expect(() => run('xmllint', '--nonet', '--noout', '--schema', schema, ...paths)).not.toThrow();
  },
);

describeWith(['tar', 'qemu-img'], 'other programs', () => {
  const folder = sharedFolder();
  const path = join(folder, 'three.ova');
  three.save(path);

  test('unpack each disk as it was', () => {
    run('tar', '-xf', path, '-C', folder);
    for (const [index, disk] of disks.entries()) {
      writeDisk(join(folder, 'disk.raw'), disk);
      const vmdk = join(folder, `golden-disk${index + 1}.vmdk`);
      compareWithRaw('vmdk', vmdk, join(folder, 'disk.raw'));
    }
  });

  testWith(['7zz'], 'find no error in the archive', () => {
    expect(run('7zz', 't', path)).toContain('Everything is Ok');
  });

  testWith(['virt-v2v'], 'find every disk of the machine', () => {
    const found = run('virt-v2v', '-i', 'ova', '--print-source', '-o', 'null', path);
    expect(found.match(/\d+ \[scsi\]/g)).toHaveLength(3);
  });
});
