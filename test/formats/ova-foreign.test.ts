// The archive, read by other programs.

import { readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { BLOCK_SIZE, ova, type OvaWriteOptions, raw } from '../../formats/index.ts';
import { ovaOf } from '../../formats/ova/index.ts';
import { DISK_CONTROLLERS, OS_TYPES } from '../../formats/ova/hardware.ts';
import { encodeTarHeader } from '../../formats/tar/encode-tar.ts';
import { diskWithBlocks, writeDisk } from '../support/disks.ts';
import { sharedFolder } from '../support/folder.ts';
import type { MemoryImage } from '../support/memory-image.ts';
import { compareWithRaw, describeWith, run, runIn, runPython, testWith } from '../support/peers.ts';
import { IDENTITY, writeImage } from '../support/write-image.ts';
import { filesOf } from './ova-walker.ts';

const DISK = diskWithBlocks(4 * BLOCK_SIZE, [1, 3]);
const EMPTY = diskWithBlocks(4 * BLOCK_SIZE, []);

const folder = sharedFolder();
let count = 0;

function save(archive: MemoryImage): string {
  const path = join(folder, `${count++}.ova`);
  archive.save(path);
  return path;
}

const small = save(await writeImage(ova(), DISK));
const large = save(
  await writeImage(ovaOf(raw(), { manifest: 'none' }), diskWithBlocks(9 * 2 ** 30, [])),
);

describeWith(['tar'], 'GNU tar', () => {
  test('lists a small archive and one above 8 GiB', () => {
    const lines = run('tar', '--utc', '-tvf', small).trimEnd().split('\n');
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(line).toMatch(/^-rw-r--r-- 0\/0 +\d+ 2024-02-29 12:00 /);
    expect(run('tar', '-tvf', large)).toContain(' 9663676416 ');
  });

  test('makes the same headers', () => {
    for (const size of [0, 1234]) {
      const file = join(folder, 'peer.ovf');
      writeFileSync(file, Buffer.alloc(size));
      utimesSync(file, IDENTITY.createdAt, IDENTITY.createdAt);
      const options = ['--format=ustar', '--owner=0', '--group=0', '--numeric-owner', '--mode=644'];
      run('tar', ...options, '-cf', join(folder, 'peer.tar'), '-C', folder, 'peer.ovf');
      const header = readFileSync(join(folder, 'peer.tar')).subarray(0, 512);
      const ours = encodeTarHeader({ name: 'peer.ovf', size, mtime: IDENTITY.createdAt });
      expect(Buffer.from(ours).toString('latin1')).toBe(header.toString('latin1'));
    }
  });

  testWith(['sha256sum'], 'unpacks what the manifest says', () => {
    run('tar', '-xf', small, '-C', folder);
    const manifest = readFileSync(join(folder, 'golden.mf'), 'utf8');
    const lines = [...manifest.matchAll(/^SHA256\(([^)]+)\)= ([0-9a-f]{64})$/gm)];
    const checks = lines.map(([, name = '', digest = '']) => `${digest}  ${name}\n`).join('');
    writeFileSync(join(folder, 'sums'), checks);
    expect(runIn(folder, 'sha256sum', '-c', 'sums')).toBe('golden.ovf: OK\ngolden-disk.vmdk: OK\n');
  });

  testWith(['qemu-img'], 'unpacks a VMDK that qemu-img finds equal to the disk', () => {
    writeDisk(join(folder, 'disk.raw'), DISK);
    run('tar', '-xf', small, '-C', folder);
    compareWithRaw('vmdk', join(folder, 'golden-disk.vmdk'), join(folder, 'disk.raw'));
  });
});

describeWith(['7zz'], '7-Zip', () => {
  test('tests a small archive and lists one above 8 GiB', () => {
    expect(run('7zz', 't', small)).toContain('Everything is Ok');
    expect(run('7zz', 'l', '-ttar', large)).toContain(' 9663676416 ');
  });
});

describeWith(['python3:tarfile', 'python3:xml.etree'], 'Python', () => {
  test('reads small and large archives as ustar without pax', () => {
    const script = `
import sys, tarfile
for path in sys.argv[1:]:
    with tarfile.open(path) as tar:
        for member in tar.getmembers():
            assert member.isreg() and not member.pax_headers, member
            print(member.name, member.size)
`;
    const lines = runPython(script, small, large).trimEnd().split('\n');
    expect(lines.map((line) => line.split(' ')[0])).toEqual([
      'golden.ovf',
      'golden.mf',
      'golden-disk.vmdk',
      'golden.ovf',
      'golden-disk.raw',
    ]);
    expect(lines.at(-1)).toBe('golden-disk.raw 9663676416');
  });

  test('parses a name of any text back to what it was', async () => {
    const vmName = `"Bücher" & <Räder> &amp; &#65; ]]> 'x' 💾`;
    const files = filesOf(await writeImage(ovaOf(raw(), { vmName, profile: 'both' }), DISK));
    writeFileSync(join(folder, 'name.ovf'), files.get('golden.ovf')!);
    const script = `
import sys, xml.etree.ElementTree as ET
ovf, vbox = '{http://schemas.dmtf.org/ovf/envelope/1}', '{http://www.virtualbox.org/ovf/machine}'
system = ET.parse(sys.argv[1]).getroot().find(ovf + 'VirtualSystem')
names = {system.get(ovf + 'id'), system.find(ovf + 'Name').text, system.find(vbox + 'Machine').get('name')}
sys.stdout.buffer.write('|'.join(names).encode())
`;

    expect(runPython(script, join(folder, 'name.ovf'))).toBe(vmName);
  });
});

describeWith(['virt-v2v'], 'virt-v2v', () => {
  const inspect = async (options: OvaWriteOptions) => {
    const path = save(await writeImage(ova(options), DISK));
    return run('virt-v2v', '-i', 'ova', '--print-source', '-o', 'null', path);
  };

  test('checks the manifest and finds the machine', async () => {
    for (const profile of ['vmware', 'both', 'virtualbox'] as const) {
      const found = await inspect({ profile });
      expect(found).toMatch(/source name: golden$/m);
      expect(found).toMatch(/memory: 4294967296 /);
      expect(found).toMatch(/nr vCPUs: 4$/m);
      expect(found).toMatch(/firmware: uefi$/m);
      expect(found).toMatch(/0 \[scsi\]$/m);
      expect(found).toMatch(/"VM Network" \[e1000\]$/m);
    }
  });

  test('finds the other hardware', async () => {
    expect(await inspect({ diskController: 'sata' })).toMatch(/0 \[sata\]$/m);
    expect(await inspect({ diskController: 'ide' })).toMatch(/0 \[ide\]$/m);
    expect(await inspect({ nic: 'VmxNet3' })).toMatch(/\[vmxnet3\]$/m);
    expect(await inspect({ firmware: 'bios', manifest: 'sha1' })).toMatch(/firmware: bios$/m);
  });
});

// DMTF's schemas are not ours to ship; they may lie beside the repository.
const schema = fileURLToPath(new URL('../../../shared/ovf-xsd/ovf-driver.xsd', import.meta.url));

describeWith([schema, 'xmllint'], "xmllint with DMTF's schemas", () => {
  const controllers = Object.keys(DISK_CONTROLLERS) as (keyof typeof DISK_CONTROLLERS)[];
  const osTypes = Object.keys(OS_TYPES) as (keyof typeof OS_TYPES)[];

  test('finds every machine valid in the vmware profile', async () => {
    const paths: string[] = [];
    const add = async (options: OvaWriteOptions) => {
      const path = join(folder, `${paths.length}.ovf`);
      const archive = await writeImage(ovaOf(raw(), options), EMPTY);
      writeFileSync(path, filesOf(archive).get('golden.ovf')!);
      paths.push(path);
    };
    for (const diskController of controllers) {
      for (const nic of ['E1000', 'E1000e', 'VmxNet3', 'none'] as const) {
        for (const firmware of ['efi', 'bios'] as const)
          await add({ diskController, nic, firmware });
      }
    }
    for (const osType of osTypes) await add({ osType });
    await add({ vmName: '& <"ü💾', cpus: 1, memory: 4, hwVersion: 21, manifest: 'none' });
    expect(() => run('xmllint', '--nonet', '--noout', '--schema', schema, ...paths)).not.toThrow();
  });

  test('objects to nothing but the Machine in the profiles for VirtualBox', async () => {
    for (const profile of ['both', 'virtualbox'] as const) {
      const files = filesOf(await writeImage(ovaOf(raw(), { profile }), EMPTY));
      const path = join(folder, `${profile}.ovf`);
      writeFileSync(path, files.get('golden.ovf')!);
      const attempt = () => run('xmllint', '--nonet', '--noout', '--schema', schema, path);
      expect(attempt).toThrow(/^(?=(?:.*\n)*.*machine\}Machine': This element is not expected)/);
      expect(attempt).not.toThrow(/(validity error[^]*){2}/);
    }
  });
});
