// The numbers in a sparse VMDK: header and footer, directories, tables, grains, markers; and the
// text of its descriptor.

import * as vmdk from '../../../formats/vmdk/layout.ts';
import { changedText, type Mutation, numberAt } from '../mutations.ts';
import { entryOf, fieldsOf, fixed, fromEnd, type Place } from '../place.ts';
import type { Random } from '../random.ts';
import type { Scratch } from '../scratch.ts';

const SECTOR = 512;
const FOOTER = 2 * SECTOR; // before the end, in images of ours and of VMware's
const small = (at: Place['at']): Place => ({ at, width: 4, order: 'little', values: [0n, 1n] });

const VALUES = {
  flags: [1n, 3n, 5n, 7n, 0x30001n, 0x30005n, 0x20001n, 0x10001n],
  grainSize: [1n, 8n, 16n, 64n, 128n, 256n, 4096n],
  numGTEsPerGT: [1n, 16n, 512n, 65_536n],
  compressAlgorithm: [0n, 1n, 2n],
  gdOffset: [vmdk.GD_AT_END],
};

const PLACES: readonly Place[] = [
  ...fieldsOf(vmdk.header, { at: fixed(0), copies: (image) => [image.length - FOOTER] }, VALUES),
  ...fieldsOf(vmdk.header, { at: fixed(0) }, VALUES),
  ...fieldsOf(vmdk.header, { at: fromEnd(FOOTER) }, VALUES),
  ...fieldsOf(vmdk.marker, { at: fromEnd(FOOTER + SECTOR) }),
  ...Array<Place>(4).fill(small(entryOf(directory, 4))),
  ...Array<Place>(12).fill(small(entryOf(table, 4))),
  ...fieldsOf(vmdk.grainMarker, { at: grain }),
  ...fieldsOf(vmdk.marker, { at: beforeTable }),
];

/** Of a sparse extent, and of a descriptor, alone or in an extent. */
export const VMDK_CHANGES: readonly Mutation[] = [
  ...Array<Mutation>(3).fill(numberAt(PLACES)),
  descriptor,
];

/** The header that says where the directory is: the footer, if the image has one. */
function headerOf(image: Buffer) {
  for (const at of [image.length - FOOTER, 0]) {
    if (at < 0 || at + vmdk.header.size > image.length) continue;
    const found = vmdk.header.decode(image.subarray(at));
    if (found.magic === vmdk.MAGIC) return found;
  }
  return undefined;
}

function directory(image: Buffer, random: Random) {
  const found = headerOf(image);
  if (!found) return undefined;
  const { gdOffset, rgdOffset, capacity, grainSize, numGTEsPerGT } = found;
  const start = rgdOffset > 0n && random.below(3) === 0 ? rgdOffset : gdOffset;
  const count = Math.ceil(Number(capacity) / Number(grainSize) / numGTEsPerGT);
  return { start: Number(start) * SECTOR, count };
}

function table(image: Buffer, random: Random) {
  const at = entryOf(directory, 4)(image, random);
  if (at === undefined || at + 4 > image.length) return undefined;
  return { start: image.readUInt32LE(at) * SECTOR, count: headerOf(image)?.numGTEsPerGT ?? 0 };
}

/** The marker of a compressed grain. */
function grain(image: Buffer, random: Random): number | undefined {
  const at = entryOf(table, 4)(image, random);
  return at === undefined || at + 4 > image.length ? undefined : image.readUInt32LE(at) * SECTOR;
}

function beforeTable(image: Buffer, random: Random): number | undefined {
  const found = table(image, random);
  return found && found.start - SECTOR;
}

const WORDS = [
  ...['monolithicSparse', 'streamOptimized', 'monolithicFlat', 'twoGbMaxExtentSparse', 'custom'],
  ...['twoGbMaxExtentFlat', 'vmfs', 'vmfsSparse', 'seSparse', 'fullDevice', 'vmfsRaw', 'FLAT'],
  ...['SPARSE', 'ZERO', 'VMFS', 'VMFSSPARSE', 'VMFSRDM', 'SESPARSE', 'RW', 'RDONLY', 'NOACCESS'],
  ...['createType', 'parentCID', 'parentFileNameHint', 'CID', 'ffffffff', 'encoding', '"'],
  'RW 128 SPARSE "image"\n',
  'RW 128 FLAT "image" 0\n'.repeat(100),
  'RW 6144 ZERO\n',
  'RW 1 FLAT "../x" 99999999999999999999\n',
  'ddb.uuid.parent="00000000-0000-0000-0000-000000000001"\n',
  'parentFileNameHint="x"\nparentCID=1\n',
];

/** Changes the text, which keeps its room in an extent. */
function descriptor(image: Scratch, random: Random): void {
  const found = headerOf(image.bytes);
  if (!found) {
    const text = changedText(image.bytes.toString('latin1'), random, WORDS);
    image.replace(Buffer.from(text, 'latin1'));
    return;
  }
  const start = Number(found.descriptorOffset) * SECTOR;
  const room = Math.min(Number(found.descriptorSize), 128) * SECTOR;
  if (start === 0 || start >= image.bytes.length) return;
  const bytes = image.edit(start, room);
  const text = changedText(bytes.toString('latin1').replace(/\0+$/, ''), random, WORDS);
  bytes.fill(0).write(text, 'latin1');
}
