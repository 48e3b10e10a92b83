// The archive in the eyes of others.

import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { BLOCK_SIZE, ova, type OvaOptions, raw } from '../../formats/index.ts';
import { ovaOf } from '../../formats/ova/index.ts';
import { DISK_CONTROLLERS, OS_TYPES } from '../../formats/ova/machine.ts';
import { encodeHeader } from '../../formats/ova/tar.ts';
import { has, run } from '../ova-peers.ts';

await ova().prepare?.();
import {
  type Archive,
  blockBytes,
  CREATED_AT,
  filesOf,
  saveArchive,
  writeArchive,
} from './ova-archive.ts';

const folder = mkdtempSync(join(tmpdir(), 'kexport-ova-'));
afterAll(() => rmSync(folder, { recursive: true }));

let count = 0;

function save(archive: Archive): string {
  const path = join(folder, `${count++}.ova`);
  saveArchive(archive, path);
  return path;
}

const small = save(writeArchive(ova()));
const large = save(
  writeArchive(ovaOf(raw(), { manifest: 'none' }), { size: 9 * 2 ** 30, blocks: [] }),
);

describe.skipIf(!has('tar'))('GNU tar', () => {
  test('lists a small archive and one above 8 GiB', () => {
    const lines = run('tar', ['-tvf', small]).trimEnd().split('\n');
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(line).toMatch(/^-rw-r--r-- 0\/0 +\d+ 2026-01-0/);
    expect(run('tar', ['-tvf', large])).toContain(' 9663676416 ');
  });

  test('makes the same headers', () => {
    for (const size of [0, 1234]) {
      const file = join(folder, 'peer.ovf');
      writeFileSync(file, Buffer.alloc(size));
      utimesSync(file, CREATED_AT, CREATED_AT);
      const options = ['--format=ustar', '--owner=0', '--group=0', '--numeric-owner', '--mode=644'];
      run('tar', [...options, '-cf', join(folder, 'peer.tar'), '-C', folder, 'peer.ovf']);
      const header = readFileSync(join(folder, 'peer.tar')).subarray(0, 512);
      const ours = encodeHeader({ name: 'peer.ovf', size, mtime: CREATED_AT });
      expect(Buffer.from(ours).toString('latin1')).toBe(header.toString('latin1'));
    }
  });

  test.skipIf(!has('sha256sum'))('unpacks what the manifest says', () => {
    run('tar', ['-xf', small, '-C', folder]);
    const manifest = readFileSync(join(folder, 'golden.mf'), 'utf8');
    const lines = [...manifest.matchAll(/^SHA256\(([^)]+)\)= ([0-9a-f]{64})$/gm)];
    const checks = lines.map(([, name = '', digest = '']) => `${digest}  ${name}\n`).join('');
    writeFileSync(join(folder, 'sums'), checks);
    expect(run('sha256sum', ['-c', 'sums'], folder)).toBe('golden.ovf: OK\ngolden-disk.vmdk: OK\n');
  });

  test.skipIf(!has('qemu-img'))('unpacks a VMDK that qemu-img finds equal to the disk', () => {
    const disk = Buffer.alloc(4 * BLOCK_SIZE);
    for (const index of [1, 3]) blockBytes(index).copy(disk, index * BLOCK_SIZE);
    writeFileSync(join(folder, 'disk.raw'), disk);
    run('tar', ['-xf', small, '-C', folder]);
    const images = ['golden-disk.vmdk', 'disk.raw'];
    run('qemu-img', ['compare', '-f', 'vmdk', '-F', 'raw', ...images], folder);
  });
});

const sevenZip = ['7zz', '7z'].find((name) => has(name)) ?? '7zz';
describe.skipIf(!has(sevenZip))('7-Zip', () => {
  test('tests a small archive and lists one above 8 GiB', () => {
    expect(run(sevenZip, ['t', small])).toContain('Everything is Ok');
    expect(run(sevenZip, ['l', '-ttar', large])).toContain(' 9663676416 ');
  });
});

describe.skipIf(!has('python3'))("Python's tarfile", () => {
  test('reads small and large archives as ustar without pax', () => {
    const script = `
import sys, tarfile
for path in sys.argv[1:]:
    with tarfile.open(path) as tar:
        for member in tar.getmembers():
            assert member.isreg() and not member.pax_headers, member
            print(member.name, member.size)
`;
    const lines = run('python3', ['-c', script, small, large]).trimEnd().split('\n');
    expect(lines.map((line) => line.split(' ')[0])).toEqual([
      'golden.ovf',
      'golden.mf',
      'golden-disk.vmdk',
      'golden.ovf',
      'golden-disk.raw',
    ]);
    expect(lines.at(-1)).toBe('golden-disk.raw 9663676416');
  });

  test('parses a name of any text back to what it was', () => {
    const vmName = `"Bücher" & <Räder> &amp; &#65; ]]> 'x' 💾`;
    const files = filesOf(writeArchive(ovaOf(raw(), { vmName, profile: 'both' })));
    writeFileSync(join(folder, 'name.ovf'), files.get('golden.ovf')!);
    const script = `
import sys, xml.etree.ElementTree as ET
ovf, vbox = '{http://schemas.dmtf.org/ovf/envelope/1}', '{http://www.virtualbox.org/ovf/machine}'
system = ET.parse(sys.argv[1]).getroot().find(ovf + 'VirtualSystem')
names = {system.get(ovf + 'id'), system.find(ovf + 'Name').text, system.find(vbox + 'Machine').get('name')}
sys.stdout.buffer.write('|'.join(names).encode())
`;

    expect(run('python3', ['-c', script, join(folder, 'name.ovf')])).toBe(vmName);
  });
});

describe.skipIf(!has('virt-v2v'))('virt-v2v', () => {
  const inspect = (options: OvaOptions) => {
    const path = save(writeArchive(ova(options)));
    return run('virt-v2v', ['-i', 'ova', '--print-source', '-o', 'null', path]);
  };

  test('checks the manifest and finds the machine', () => {
    for (const profile of ['vmware', 'both', 'virtualbox'] as const) {
      const found = inspect({ profile });
      expect(found).toMatch(/source name: golden$/m);
      expect(found).toMatch(/memory: 4294967296 /);
      expect(found).toMatch(/nr vCPUs: 4$/m);
      expect(found).toMatch(/firmware: uefi$/m);
      expect(found).toMatch(/0 \[scsi\]$/m);
      expect(found).toMatch(/"VM Network" \[e1000\]$/m);
    }
  });

  test('finds the other hardware', () => {
    expect(inspect({ diskController: 'sata' })).toMatch(/0 \[sata\]$/m);
    expect(inspect({ diskController: 'ide' })).toMatch(/0 \[ide\]$/m);
    expect(inspect({ nic: 'VmxNet3' })).toMatch(/\[vmxnet3\]$/m);
    expect(inspect({ firmware: 'bios', manifest: 'sha1' })).toMatch(/firmware: bios$/m);
  });
});

// DMTF's schemas are not ours to ship; they may lie beside the repository.
const schema = fileURLToPath(new URL('../../../shared/ovf-xsd/ovf-driver.xsd', import.meta.url));
const hasSchema = existsSync(schema);
if (!hasSchema) console.warn(`skipped: validation, for want of ${schema}`);

describe.skipIf(!hasSchema || !has('xmllint'))("xmllint with DMTF's schemas", () => {
  const controllers = Object.keys(DISK_CONTROLLERS) as (keyof typeof DISK_CONTROLLERS)[];
  const osTypes = Object.keys(OS_TYPES) as (keyof typeof OS_TYPES)[];

  test('finds every machine valid in the vmware profile', () => {
    const paths: string[] = [];
    const add = (options: OvaOptions) => {
      const path = join(folder, `${paths.length}.ovf`);
      const archive = writeArchive(ovaOf(raw(), options), { blocks: [] });
      writeFileSync(path, filesOf(archive).get('golden.ovf')!);
      paths.push(path);
    };
    for (const diskController of controllers) {
      for (const nic of ['E1000', 'E1000e', 'VmxNet3', 'none'] as const) {
        for (const firmware of ['efi', 'bios'] as const) add({ diskController, nic, firmware });
      }
    }
    for (const osType of osTypes) add({ osType });
    add({ vmName: '& <"ü💾', cpus: 1, memory: 4, hwVersion: 21, manifest: 'none' });
    expect(() =>
      run('xmllint', ['--nonet', '--noout', '--schema', schema, ...paths]),
    ).not.toThrow();
  });

  test('objects to nothing but the Machine in the profiles for VirtualBox', () => {
    for (const profile of ['both', 'virtualbox'] as const) {
      const files = filesOf(writeArchive(ovaOf(raw(), { profile }), { blocks: [] }));
      const path = join(folder, `${profile}.ovf`);
      writeFileSync(path, files.get('golden.ovf')!);
      const attempt = () => run('xmllint', ['--nonet', '--noout', '--schema', schema, path]);
      expect(attempt).toThrow(/^(?=(?:.*\n)*.*machine\}Machine': This element is not expected)/);
      expect(attempt).not.toThrow(/(validity error[^]*){2}/);
    }
  });
});
