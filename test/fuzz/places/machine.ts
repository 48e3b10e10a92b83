// How the archives around one image are damaged: container disks and Vagrant's boxes. As a tar; the
// texts in it, which are JSON; the image, in a container disk within the tar of a layer.

import { changedText, type Mutation, mutate, numberAt } from '../mutations.ts';
import type { Random } from '../random.ts';
import { scratchOf } from '../scratch.ts';
import { QCOW2_PLACES } from './qcow2.ts';
import { changeOne, joined, type Member, split, TAR_CHANGES, tarMutation } from './tar.ts';
import { VMDK_CHANGES } from './vmdk.ts';

/** What a reader of JSON must not fall for, or a path to another file. */
const WORDS = [
  ...['{', '}', '[', ']', ',', ':', 'null', 'true', '{}', '[]', '[[]]', '__proto__', '\\ud800'],
  ...['digest', 'layers', 'manifests', 'mediaType', 'provider', 'libvirt', 'virtualbox'],
  'sha256:',
  `sha256:${'0'.repeat(64)}`,
  'application/vnd.docker.image.rootfs.diff.tar',
  '['.repeat(5000),
  '{"a":'.repeat(2000),
];

/** Changes to a container disk. */
export const CONTAINERDISK_CHANGES: readonly Mutation[] = [
  tarMutation(TAR_CHANGES),
  tarMutation([changeText]),
  tarMutation([changeLayer]),
  tarMutation([changeLayer]),
];

/** Changes to a box. */
export const BOX_CHANGES: readonly Mutation[] = [
  tarMutation(TAR_CHANGES),
  tarMutation([changeText]),
  tarMutation([changeImage]),
];

/** Changes a member that is no image, and no layer. */
function changeText(members: readonly Member[], random: Random): readonly Member[] {
  return changeOne(members, random, (member) => {
    if (member.data.length > 65_536) return member;
    const text = changedText(member.data.toString('latin1'), random, WORDS);
    return { ...member, data: Buffer.from(text, 'latin1') };
  });
}

/** Damages the layer, as a tar and in its image. Its name does not change with its digest. */
function changeLayer(members: readonly Member[], random: Random): readonly Member[] {
  return members.map((member) => {
    if (member.data.length <= 65_536) return member;
    const layer = split(member.data);
    const change = random.pick([...TAR_CHANGES, changeImage, changeImage]);
    return { ...member, data: joined(change(layer, random)) };
  });
}

function changeImage(members: readonly Member[], random: Random): readonly Member[] {
  return members.map((member) => {
    const changes = changesOf(member);
    if (changes.length === 0) return member;
    const image = scratchOf(member.data);
    mutate(image, changes, random);
    return { ...member, data: image.bytes };
  });
}

function changesOf({ name }: Member): readonly Mutation[] {
  if (name.endsWith('.vmdk')) return VMDK_CHANGES;
  return /\.(qcow2|img)$/.test(name) ? [numberAt(QCOW2_PLACES)] : [];
}
