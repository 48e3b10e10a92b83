// The reader, with OVAs of other programs and our own.

import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ova, vmdk } from '../../formats/index.ts';
import { decodeXml } from '../../formats/ova/decode-xml.ts';
import { encodeMember, encodeTarHeader } from '../../formats/tar/encode-tar.ts';
import { header } from '../../formats/vmdk/layout.ts';
import { diskWithBlocks } from '../support/disks.ts';
import { temporaryFolder } from '../support/folder.ts';
import { runIn } from '../support/peers.ts';
import { diskOf, inputOf, openImage, problemsOf } from '../support/read-image.ts';
import { sparseInput } from '../support/sparse-input.ts';
import { writeImage } from '../support/write-image.ts';

const MIB = 2 ** 20;
const disk = diskWithBlocks(3 * MIB, [0, 5, 47]);
const diskBytes = (await writeImage(vmdk(), disk)).bytes;
const plain = Buffer.alloc(disk.size);
for (const { offset, bytes } of disk.pieces) bytes.copy(plain, offset);

describe('an OVA of ours', async () => {
  const image = (await writeImage(ova({ cpus: 2, vmName: 'Web <1> & "more"' }), disk)).bytes;

  test('gives its disk and describes its machine', async () => {
    const reader = await openImage(ova(), image);
    expect(reader.facts).toMatchObject({
      format: 'ova',
      subformat: 'vmdk streamOptimized',
      diskSize: disk.size,
      details: {
        machine: 'Web <1> & "more"',
        hardware: 'vmx-14',
        'OS type': 'otherLinux64Guest',
        CPUs: 2,
        memory: '4096 MiB',
        firmware: 'efi',
        controllers: 'lsilogic',
        'network cards': 'E1000',
        disk: 'golden-disk.vmdk',
        compression: 'deflate',
      },
    });
    expect((await diskOf(reader, image)).equals(plain)).toBe(true);
    expect(await problemsOf(reader)).toEqual([]);
  });

  test.each(['sha1', 'sha256', 'sha512', 'none'] as const)(
    'has no problem with %s',
    async (manifest) => {
      const other = (await writeImage(ova({ manifest, profile: 'both' }), disk)).bytes;
      expect(await problemsOf(await openImage(ova(), other))).toEqual([]);
    },
  );

  test('is reported if a byte of the disk was changed', async () => {
    const broken = Buffer.from(image);
    const at = broken.lastIndexOf('ddb.toolsVersion');
    broken.write('DDB', at);
    const [problem, ...others] = await problemsOf(await openImage(ova(), broken));
    expect(problem).toMatch(/^error: golden-disk.vmdk has the digest \w{64}, the manifest /);
    expect(others).toEqual([]);
  });
});

/** Packs files as GNU tar does. */
function tar(files: Readonly<Record<string, string | Buffer>>, ...options: string[]): Buffer {
  const folder = temporaryFolder();
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  runIn(folder, 'tar', 'cf', 'x.ova', ...options, ...Object.keys(files));
  return readFileSync(join(folder, 'x.ova'));
}

const OVF = `<?xml version="1.0"?>
<ovf:Envelope xmlns:ovf='http://schemas.dmtf.org/ovf/envelope/1'>
  <!-- <References/> -->
  <References>
    <File ovf:id="f1" ovf:href="a.vmdk" ovf:size="SIZE"/>
    <File ovf:id="f2" ovf:href="b.vmdk"></File>
  </References>
  <DiskSection>
    <Disk ovf:diskId="d1" ovf:fileRef="f1" ovf:capacity="3" ovf:capacityAllocationUnits="byte * 2^20" ovf:format="x#streamOptimized"/>
    <Disk ovf:diskId="d2" ovf:fileRef="f2" ovf:capacity="3145728" ovf:format=""/>
  </DiskSection>
  <VirtualSystem ovf:id="vm"><Name>a &amp; b&#x21;</Name>
    <VirtualHardwareSection><Item><ResourceType>17</ResourceType><Parent>7</Parent><HostResource>ovf:/disk/d9</HostResource></Item></VirtualHardwareSection>
  </VirtualSystem>
</ovf:Envelope>`.replace('SIZE', String(diskBytes.length));

describe('an OVA of others', () => {
  const files = { 'x.ovf': OVF, 'a.vmdk': diskBytes, 'b.vmdk': diskBytes };

  test.each(['gnu', 'ustar', 'pax', 'v7'])(
    'in a tar of the form %s gives its disk',
    async (form) => {
      const image = tar(files, `--format=${form}`);
      const reader = await openImage(ova(), image);
      expect(reader.facts.details).toMatchObject({
        machine: 'a & b!',
        disks: [
          `a.vmdk (d1): vmdk streamOptimized of ${plain.length} bytes`,
          `b.vmdk (d2): vmdk streamOptimized of ${plain.length} bytes`,
        ],
      });
      expect((await diskOf(reader, image)).equals(plain)).toBe(true);
    },
  );

  test('gives the disk that is requested, or lists those that it has', async () => {
    const image = tar(files);
    for (const name of ['d2', 'b.vmdk']) {
      const { facts } = await openImage(ova({ ovaDisk: name }), image);
      expect(facts.details['disk']).toBe('b.vmdk');
    }
    await expect(openImage(ova({ ovaDisk: 'c' }), image)).rejects.toThrow(
      'ova: there is no disk "c", the archive has d1 (a.vmdk), d2 (b.vmdk)',
    );
  });

  test('has the structure of every disk checked, whichever is read', async () => {
    const broken = Buffer.from(diskBytes);
    broken.writeUInt32LE(0xffff, broken.length - 3 * 512 - 512); // an entry of the grain directory
    const image = tar({ ...files, 'b.vmdk': broken });
    for (const disk of [undefined, 'd2']) {
      const opened = openImage(ova({ ovaDisk: disk }), image);
      const problems = (await problemsOf(await opened)).join('\n');
      expect(problems).toMatch(/^error: b.vmdk: the grain table at sector 65535 ends at/m);
      expect(problems).not.toMatch(/a\.vmdk: /);
    }
  });

  test('lists a disk that cannot be read beside one that can', async () => {
    const image = tar({ ...files, 'b.vmdk': 'no image' });
    const reader = await openImage(ova(), image);
    expect(reader.facts.details['disks']).toContain('b.vmdk (d2): cannot be read');
    expect((await diskOf(reader, image)).equals(plain)).toBe(true);
    expect(await problemsOf(reader)).toContainEqual(
      expect.stringMatching(
        /^error: the disk d2 cannot be read: vmdk: the image begins with neither/,
      ),
    );
    await expect(openImage(ova({ ovaDisk: 'd2' }), image)).rejects.toThrow('begins with neither');
  });

  test('with a CD before its disk, as VirtualBox lists it, gives the disk', async () => {
    const cd =
      '<Disk ovf:diskId="iso1" ovf:fileRef="f2" ovf:format="http://www.ecma-international.org/publications/standards/Ecma-119.htm"/>';
    const ovf = OVF.replace('b.vmdk', 'b.iso').replace('<DiskSection>', `$&${cd}`);
    const image = tar({
      'x.ovf': ovf.replace(/<Disk ovf:diskId="d2".*/, ''),
      'a.vmdk': diskBytes,
      'b.iso': 'CD001',
    });
    const reader = await openImage(ova(), image);
    expect(reader.facts.details['disks']).toContain('b.iso (iso1): not a disk');
    expect((await diskOf(reader, image)).equals(plain)).toBe(true);
    expect((await problemsOf(reader)).join()).not.toContain('b.iso');
    await expect(openImage(ova({ ovaDisk: 'iso1' }), image)).rejects.toThrow(
      /^ova: the disk iso1 in b.iso has the format ".*Ecma-119.htm"/,
    );
  });

  test.each(['14', '15', '16'])(
    'with a disk in a drive of type %s reads the other',
    async (type) => {
      const drive = `<Item><ResourceType>${type}</ResourceType><HostResource>/disk/d1</HostResource></Item>`;
      const ovf = OVF.replace('<Item>', `${drive}$&`).replace('a.vmdk', 'a.flp');
      const image = tar({ 'x.ovf': ovf.replace('x#streamOptimized', ''), 'b.vmdk': diskBytes });
      const { facts, disks } = await openImage(ova(), image);
      expect([facts.details['disk'], disks]).toEqual(['b.vmdk', undefined]);
    },
  );

  test('without a file of a disk takes no other disk for it', async () => {
    const image = tar({ 'x.ovf': OVF, 'b.vmdk': diskBytes });
    const opened = openImage(ova(), image);
    const message = 'ova: the disk d1 is in the file a.vmdk, which is not in the archive';
    await expect(opened).rejects.toMatchObject({ kind: 'damaged', message });
    const other = await openImage(ova({ ovaDisk: 'd2' }), image);
    expect((await diskOf(other, image)).equals(plain)).toBe(true);
    expect(await problemsOf(other)).toContain(
      'error: the OVF lists the file a.vmdk, which is not in the archive',
    );
  });

  test.each([
    ['is missing', { 'x.ovf': OVF }, 'damaged', 'which is not in the archive'],
    [
      'is not listed',
      { 'x.ovf': OVF.replace('fileRef="f2"', 'fileRef="f9"'), 'b.vmdk': diskBytes },
      'damaged',
      'the disk d2 is in the file f9, which the OVF does not list',
    ],
    [
      'is in chunks',
      {
        'x.ovf': OVF.replace('href="b.vmdk"', '$& ovf:chunkSize="9"'),
        'b.vmdk.000000000': diskBytes,
      },
      'unsupported',
      'the disk d2 in b.vmdk is in chunks of 9 bytes',
    ],
    [
      'is a qcow2',
      { 'x.ovf': OVF.replace('b.vmdk', 'b.qcow2'), 'b.qcow2': 'QFI' },
      'unsupported',
      'the disk d2 in b.qcow2 has the format ""',
    ],
  ])('lists a disk whose file %s beside one that can be read', async (_, others, kind, message) => {
    const { 'x.ovf': ovf, ...more } = others;
    const image = tar({ 'x.ovf': ovf, 'a.vmdk': diskBytes, ...more });
    const reader = await openImage(ova(), image);
    expect((await diskOf(reader, image)).equals(plain)).toBe(true);
    expect(reader.facts.details['disks']).toContainEqual(
      expect.stringMatching(/ \(d2\): cannot be read$/),
    );
    expect(reader.disks?.map(({ name }) => name)).toEqual(['d1', 'd2']);
    await expect(reader.disks?.[1]?.read()).rejects.toMatchObject({
      kind,
      message: expect.stringContaining(message) as string,
    });
    const told = (await problemsOf(reader)).filter((line) => !/the parent of|disk d9/.test(line));
    expect(told).toHaveLength(1);
  });

  test('that cannot be read for another reason than its bytes says that reason', async () => {
    const image = tar(files);
    const input = inputOf(image);
    const second = image.indexOf(diskBytes, image.indexOf(diskBytes) + 1);
    const read = (at: number, length: number) =>
      at < second ? input.read(at, length) : Promise.reject(new Error('EIO: i/o error, read'));
    await expect(openImage(ova(), { size: input.size, read })).rejects.toThrow(/^EIO/);
  });

  test('with a manifest of over 1 MiB is reported, and no digest is compared', async () => {
    const line = `SHA256(a.vmdk)= ${'0'.repeat(64)}\n`;
    const manifest = line.repeat(MIB / line.length + 1);
    const reader = await openImage(ova(), tar({ ...files, 'x.mf': manifest }));
    const problems = (await problemsOf(reader)).filter((problem) => /x\.mf|digest/.test(problem));
    expect(problems).toEqual([
      `error: x.mf has ${manifest.length} bytes, at most 1048576 can be read`,
    ]);
  });

  test('with a member that many disks name opens and checks it once', async () => {
    const disks = Array.from(
      { length: 900 },
      (_, i) => `<Disk ovf:diskId="more${i}" ovf:fileRef="f1" ovf:capacity="7" ovf:format=""/>`,
    );
    const image = tar({ ...files, 'x.ovf': OVF.replace('</DiskSection>', `${disks.join('')}$&`) });
    let reads = 0;
    const input = inputOf(image);
    const read = (at: number, length: number) => {
      reads++;
      return input.read(at, length);
    };
    const reader = await openImage(ova(), { size: input.size, read });
    expect(reader.facts.details['disks']).toHaveLength(902);
    const problems = await problemsOf(reader);
    expect(problems.filter((line) => line.includes('more'))).toHaveLength(900);
    expect(reads).toBeLessThan(200);
  });

  test('with more tables than fit in memory reads only the disks before that', async () => {
    const tables = 2 ** 22;
    const head = Buffer.from(diskBytes.subarray(0, 21 * 512)); // with the descriptor
    const capacity = BigInt(tables * 512 * 128);
    head.set(header.encode({ ...header.decode(head), capacity, gdOffset: 2048n }));
    const ids = [1, 2, 3];
    const tag = (line: (id: number) => string) => ids.map(line).join('');
    const ovf = `<Envelope>
      <References>${tag((id) => `<File id="f${id}" href="${id}.vmdk"/>`)}</References>
      <DiskSection>${tag((id) => `<Disk diskId="d${id}" fileRef="f${id}"/>`)}</DiskSection>
    </Envelope>`;
    const size = 2 ** 26;
    const start = encodeMember({ name: 'x.ovf', bytes: Buffer.from(ovf), mtime: 0 });
    const parts: [offset: number, bytes: Uint8Array][] = [[0, Buffer.concat(start)]];
    const first = Buffer.concat(start).length;
    for (const [index, id] of ids.entries()) {
      const at = first + index * (512 + size);
      parts.push([at, encodeTarHeader({ name: `${id}.vmdk`, mtime: 0, size })], [at + 512, head]);
    }
    const image = sparseInput(first + ids.length * (512 + size), parts);
    const reader = await openImage(ova(), image);
    expect(reader.facts.details['disks']).toEqual([
      expect.stringContaining('1.vmdk (d1): vmdk'),
      expect.stringContaining('2.vmdk (d2): vmdk'),
      '3.vmdk (d3): cannot be read',
    ]);
    await expect(reader.disks?.[2]?.read()).rejects.toMatchObject({
      kind: 'unsupported',
      message: 'vmdk: more than 8388608 grain tables in all disks',
    });
    const third = await openImage(ova({ ovaDisk: 'd3' }), image);
    expect(third.facts.details['disk']).toBe('3.vmdk');
  });

  test('with long names gives its disk, as GNU tar and pax have them', async () => {
    const name = `${'long'.repeat(40)}.vmdk`;
    const named = { 'x.ovf': OVF.replace('a.vmdk', name), [name]: diskBytes, 'b.vmdk': diskBytes };
    for (const form of ['gnu', 'pax']) {
      const image = tar(named, `--format=${form}`);
      expect((await diskOf(await openImage(ova(), image), image)).equals(plain)).toBe(true);
    }
  });

  test('is reported if it contradicts its OVF and its manifest', async () => {
    const sum = createHash('sha256').update(OVF).digest('hex');
    const manifest = `SHA256(x.ovf)= ${sum}\nSHA256(gone)= 00\nwhat\nSHA1 (a.vmdk) = 00\n`;
    const odd = {
      'a.vmdk': diskBytes,
      'x.ovf': OVF.replace('f2" ovf:href="b', 'f3" ovf:href="c'),
      'x.mf': manifest,
    };
    const problems = (await problemsOf(await openImage(ova(), tar(odd)))).join('\n');
    for (const wanted of [
      'the first member is a.vmdk, not x.ovf',
      'the OVF lists the file c.vmdk, which is not in the archive',
      'the disk d2 is in the file f2, which the OVF does not list',
      'is 7, which the machine does not have',
      'is the disk d9, which the OVF does not describe',
      /x.ovf has the digest \w{64}, the manifest /,
      'x.mf lists gone, which is not in the archive',
      'x.mf has a line that cannot be read: "what"',
      /a.vmdk has the digest \w{40}, the manifest 00/,
    ]) {
      expect(problems).toMatch(wanted);
    }
  });

  test.each([
    ['no OVF', { 'a.vmdk': diskBytes }, 'the archive has 1 members, but no .ovf'],
    ['no disk', { 'x.ovf': OVF.replace(/ovf:fileRef/g, 'no') }, 'names no disk that has a file'],
    [
      'a packed disk',
      { ...files, 'x.ovf': OVF.replace('ovf:size', 'ovf:compression="gzip" ovf:size') },
      'the disk d1 in a.vmdk is compressed (gzip)',
    ],
    [
      'a disk in chunks',
      { ...files, 'x.ovf': OVF.replace('ovf:size', 'ovf:chunkSize="7" ovf:size') },
      'chunks of 7',
    ],
    [
      'a delta',
      { ...files, 'x.ovf': OVF.replace('ovf:capacity', 'ovf:parentRef="d0" ovf:capacity') },
      'since the disk d0',
    ],
    [
      'another root',
      { ...files, 'x.ovf': '<a/>' },
      'the root element of the OVF is a, not Envelope',
    ],
    [
      'a document type',
      { ...files, 'x.ovf': '<!DOCTYPE a [<!ENTITY b "c">]><a/>' },
      'wrong tag "<!DOCTYPE',
    ],
    ['an OVF of 2 MiB', { ...files, 'x.ovf': ' '.repeat(2 * MIB) }, 'at most 1048576 can be read'],
    [
      'over a thousand devices',
      { ...files, 'x.ovf': OVF.replace('<Item>', `${'<Item/>'.repeat(1000)}$&`) },
      'more than 1000 files, disks or devices',
    ],
    [
      'a disk of another format alone',
      {
        'x.ovf': OVF.replace('a.vmdk', 'a.img').replace('x#streamOptimized', 'x#qcow2'),
        'a.img': 'QFI',
      },
      'the disk d1 in a.img has the format "x#qcow2", vmdk and vhd are supported',
    ],
  ])('with %s is refused', async (_, content, message) => {
    await expect(openImage(ova(), tar(content))).rejects.toThrow(message);
  });

  test('whose disk says that a part of it is elsewhere is refused', async () => {
    const elsewhere =
      '# Disk DescriptorFile\ncreateType="monolithicFlat"\nRW 8 FLAT "/etc/passwd" 0\n';
    const image = tar({ ...files, 'a.vmdk': elsewhere });
    await expect(openImage(ova(), image)).rejects.toThrow(
      'a part of a.vmdk is in the file /etc/passwd',
    );
  });
});

describe('the tar of an OVA', () => {
  function withSize(field: (header: Buffer) => void): Buffer {
    const image = tar({ 'x.ovf': OVF });
    field(image);
    const sum = image
      .subarray(0, 512)
      .fill(' ', 148, 156)
      .reduce((total, byte) => total + byte, 0);
    image.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    return image;
  }

  test.each([
    [
      '2^63',
      (header: Buffer) => {
        header.writeUInt32BE(0x80000000, 124);
        header.writeBigUInt64BE(2n ** 63n, 128);
      },
    ],
    ['less than nothing', (header: Buffer) => header.fill(0xff, 124, 136)],
    ['8 GiB less one', (header: Buffer) => header.write('77777777777', 124)],
    ['no number', (header: Buffer) => header.write('9999999999x', 124)],
  ])('with a member of the size %s is refused', async (_, field) => {
    await expect(openImage(ova(), withSize(field))).rejects.toThrow(
      /^tar: the member at 0 has (9223372036854776000|Infinity|8589934591|NaN) bytes/,
    );
  });

  test('with a damaged header is refused', async () => {
    const image = tar({ 'x.ovf': OVF });
    image.write('y', 0);
    await expect(openImage(ova(), image)).rejects.toThrow('there is no valid tar header at 0');
  });

  test('of thousands of members is refused', async () => {
    const one = tar({ 'x.ovf': '' }).subarray(0, 512);
    const many = Buffer.alloc(5000 * 512);
    for (let at = 0; at < many.length; at += 512) one.copy(many, at);
    await expect(openImage(ova(), many)).rejects.toThrow('more than 4096 members');
  });
});

test.each([
  '<a',
  '<a>',
  '<a></b>',
  '</a>',
  '<a/><b/>',
  '<a b="1" c=2/>',
  '<!-- <a/>',
  '<a>&b;</a>',
  '<a>&#x110000;</a>',
  '<a>&lt</a>',
  '<a>'.repeat(100),
  '<'.repeat(100_000),
  '<!--'.repeat(100_000),
  `<a${' '.repeat(100_000)}`,
])('what is not XML is refused: %.20s', (text) => {
  expect(() => decodeXml(text)).toThrow(
    /^ova: the OVF (cannot be read as XML: |has more than 64 levels)/,
  );
});
