// The numbers in a VMA: the header with its devices, names and blobs, and the headers of extents.

import { createHash } from 'node:crypto';
import * as vma from '../../../formats/vma/layout.ts';
import { type At, fieldsOf, fixed, type Place } from '../place.ts';
import type { Random } from '../random.ts';
import type { Scratch } from '../scratch.ts';

// vma_spec.txt: where the fields lie that are arrays.
const CONFIG_NAMES = 2044;
const DEVICES = 4096;
/** Images of ours have one device, and no more are tried than these. */
const DEVICE_IDS = 3;

const sealed = { seal: sealHeader };
const inExtent = { at: extentAt, seal: sealExtent };
const within = (at: At, offset: (random: Random) => number): At => {
  return (image, random) => {
    const start = at(image, random);
    return start === undefined ? undefined : start + offset(random);
  };
};
/** Offset of a field in an entry of an extent, most often in one of the first. */
const ofEntry = (field: number): At =>
  within(extentAt, (random) => {
    const count = random.pick([2, vma.EXTENT_CLUSTERS]);
    return vma.ENTRIES_AT + random.below(count) * vma.ENTRY_SIZE + field;
  });
const entry = (field: number, width: 1 | 2 | 4, values?: Place['values']): Place => ({
  at: ofEntry(field),
  width,
  order: 'big',
  values,
  seal: sealExtent,
});

export const VMA_PLACES: readonly Place[] = [
  ...fieldsOf(vma.header, { at: fixed(0), ...sealed }, { size: [BigInt(vma.header.size)] }),
  ...fieldsOf(vma.device, {
    at: within(fixed(DEVICES), (random) => vma.device.size * random.below(DEVICE_IDS)),
    ...sealed,
  }),
  {
    at: within(fixed(CONFIG_NAMES), (random) => 4 * random.below(4)),
    width: 4,
    order: 'big',
    ...sealed,
  },
  {
    at: within(fixed(vma.header.size), (random) => random.below(64)), // lengths and texts
    width: 2,
    order: 'little',
    ...sealed,
  },
  ...fieldsOf(vma.extent, inExtent),
  ...Array<Place>(2).fill(entry(vma.entry.mask, 2, [0n, BigInt(vma.ALL_PAGES)])),
  entry(vma.entry.deviceId, 1, [0n, 1n, 2n]),
  ...Array<Place>(3).fill(entry(vma.entry.cluster, 4)),
];

/** The header of any extent. */
function extentAt(image: Buffer, random: Random): number | undefined {
  const at = image.indexOf(vma.EXTENT_MAGIC, random.below(2) * random.below(image.length + 1));
  return at === -1 ? undefined : at;
}

function sealHeader(image: Scratch): void {
  if (image.bytes.length < vma.header.size) return;
  const { size } = vma.header.decode(image.bytes);
  if (size <= image.bytes.length) seal(image.edit(0, size), vma.HEADER_MD5);
}

/** Of the extent that a place lies in. */
function sealExtent(image: Scratch, offset: number): void {
  const at = image.bytes.lastIndexOf(vma.EXTENT_MAGIC, offset);
  if (at === -1 || at + vma.extent.size > image.bytes.length) return;
  seal(image.edit(at, vma.extent.size), vma.EXTENT_MD5);
}

function seal(bytes: Buffer, [start, end]: readonly [number, number]): void {
  if (bytes.length < end) return;
  bytes.fill(0, start, end);
  createHash('md5').update(bytes).digest().copy(bytes, start);
}
