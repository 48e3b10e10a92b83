// How an OVA is damaged: as a tar archive; the XML of its OVF; the lines of its manifest; the
// images in it.

import { changedText, mutate, type Mutation, numberAt } from '../mutations.ts';
import { scratchOf } from '../scratch.ts';
import { changeOne, type Member, TAR_CHANGES, type TarChange, tarMutation } from './tar.ts';
import { VHD_PLACES } from './vhd.ts';
import { VMDK_CHANGES } from './vmdk.ts';

/** What an OVF or a manifest has, or what a reader of XML must not fall for. */
const WORDS = [
  '<!DOCTYPE a [<!ENTITY b "c">]>',
  '<!--',
  '-->',
  '<![CDATA[',
  ']]>',
  '<?',
  '<',
  '>',
  '&',
  '&#x110000;',
  '&#0;',
  '&a;',
  '<a '.repeat(20),
  '<a>'.repeat(100),
  '<a/>'.repeat(2000),
  '<Disk ovf:diskId="vmdisk1" ovf:fileRef="file1" ovf:format="x"/>'.repeat(1001),
  '<File ovf:id="file1" ovf:href="golden-disk.vmdk" ovf:chunkSize="1"/>',
  ' ovf:compression="gzip"',
  ' ovf:parentRef="vmdisk1"',
  ' ovf:capacityAllocationUnits="byte * 2^1024"',
  'http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized',
  `SHA1(${')='.repeat(500)}`,
  'SHA256(golden-disk.vmdk)= 00\n',
  ...['File', 'Disk', 'Item', 'StorageItem', 'Envelope', 'References', 'file1', 'vmdisk1'],
];

/** Up to four changes each. */
export const OVA_CHANGES: readonly Mutation[] = [
  tarMutation(TAR_CHANGES),
  tarMutation([changeText]),
  tarMutation([changeText]),
  tarMutation([changeImage]),
];

/** Changes the text of the OVF, or of the manifest. */
function changeText(...[members, random]: Parameters<TarChange>): readonly Member[] {
  const kind = random.below(4) === 0 ? '.mf' : '.ovf';
  return members.map((member) => {
    if (!member.name.includes(kind)) return member;
    const text = changedText(member.data.toString('latin1'), random, WORDS);
    return { ...member, data: Buffer.from(text, 'latin1') };
  });
}

/** Damages an image in the archive as one by itself. */
function changeImage(...[members, random]: Parameters<TarChange>): readonly Member[] {
  return changeOne(members, random, (member) => {
    const [, kind] = /\.(vmdk|vhd)/.exec(member.name) ?? [];
    if (kind === undefined) return member;
    const image = scratchOf(member.data);
    mutate(image, kind === 'vhd' ? [numberAt(VHD_PLACES)] : VMDK_CHANGES, random);
    return { ...member, data: image.bytes };
  });
}
