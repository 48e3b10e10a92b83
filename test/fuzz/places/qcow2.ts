// The numbers in a qcow2, found by its header, however that was changed.

import * as qcow2 from '../../../formats/qcow2/layout.ts';
import { type At, entryOf, fieldsOf, fixed, type Place } from '../place.ts';
import type { Random } from '../random.ts';

const HEADER_END = qcow2.header.size + qcow2.additionalFields.size;

/** In the offset and the flags of an entry. */
const FLAGS = [qcow2.COPIED, qcow2.COMPRESSED, qcow2.ALL_ZEROS, qcow2.COPIED | qcow2.ALL_ZEROS];

const wide = (at: At, values?: Place['values']): Place => ({ at, width: 8, order: 'big', values });

export const QCOW2_PLACES: readonly Place[] = [
  ...fieldsOf(
    qcow2.header,
    { at: fixed(0) },
    {
      version: [1n, 2n, 3n, 4n],
      clusterBits: [8n, 9n, 12n, 14n, 16n, 21n, 22n],
      incompatibleFeatures: [1n, 2n, 4n, 8n, 16n, 24n, 32n, 1n << 63n],
      compatibleFeatures: [1n],
      autoclearFeatures: [1n, 2n, 3n],
      refcountOrder: [0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n],
      headerLength: [72n, 100n, 104n, 108n, 112n, 120n, 65_536n],
    },
  ),
  ...fieldsOf(qcow2.additionalFields, { at: fixed(qcow2.header.size) }),
  ...fieldsOf(
    qcow2.extension,
    { at: extension },
    {
      type: [0n, ...[qcow2.BACKING_FORMAT, qcow2.BITMAPS, qcow2.DATA_FILE].map(BigInt)],
    },
  ),
  wide(entryOf(l1, 8), FLAGS),
  wide(entryOf(l2, 8), FLAGS),
  wide(entryOf(l2, 8), FLAGS),
  wide(entryOf(refcounts, 8)),
  ...([1, 2, 8] as const).map((width): Place => ({
    at: entryOf(refcountBlock, width),
    width,
    order: 'big',
  })),
  ...fieldsOf(qcow2.snapshot, { at: snapshot }),
  ...fieldsOf(qcow2.snapshotExtra, { at: (...given) => after(snapshot(...given), 40) }),
  ...fieldsOf(qcow2.bitmaps, { at: bitmapsExtension }),
  ...fieldsOf(qcow2.bitmap, { at: bitmap }),
  wide(entryOf(bitmapTable, 8), [0n, 1n]),
];

const offsetOf = (entry: bigint) => Number(entry & 0x00ff_ffff_ffff_fe00n);
const after = (start: number | undefined, bytes: number) =>
  start === undefined ? undefined : start + bytes;

function headerOf(image: Buffer) {
  return image.length < qcow2.header.size ? undefined : qcow2.header.decode(image);
}

function clusterOf(image: Buffer): number {
  return 2 ** Math.min(headerOf(image)?.clusterBits ?? 0, 21);
}

function l1(image: Buffer) {
  const found = headerOf(image);
  return found && { start: Number(found.l1TableOffset), count: found.l1Size };
}

function l2(image: Buffer, random: Random) {
  return tableAt(image, entryOf(l1, 8)(image, random), 8);
}

function refcounts(image: Buffer) {
  const found = headerOf(image);
  return found && { start: Number(found.refcountTableOffset), count: clusterOf(image) / 8 };
}

function refcountBlock(image: Buffer, random: Random) {
  return tableAt(image, entryOf(refcounts, 8)(image, random), 1);
}

/** The cluster that the entry at an offset leads to, as a table. */
function tableAt(image: Buffer, entry: number | undefined, size: number) {
  if (entry === undefined || entry + 8 > image.length) return undefined;
  const start = offsetOf(image.readBigUInt64BE(entry));
  return start === 0 ? undefined : { start, count: clusterOf(image) / size };
}

/** One of the first two entries of the table of snapshots. */
function snapshot(image: Buffer, random: Random): number | undefined {
  const found = headerOf(image);
  if (!found || found.snapshotCount === 0) return undefined;
  const first = Number(found.snapshotsOffset);
  if (random.below(2) === 0 || first + qcow2.snapshot.size > image.length) return first;
  const { extraSize, idSize, nameSize } = qcow2.snapshot.decode(image.subarray(first));
  return first + Math.ceil((40 + extraSize + idSize + nameSize) / 8) * 8;
}

/** One of the first four header extensions. */
function extension(image: Buffer, random: Random): number | undefined {
  const found = headerOf(image);
  let at = found?.version === 2 ? qcow2.VERSION_2_SIZE : (found?.headerLength ?? HEADER_END);
  for (let skip = random.below(4); skip > 0 && at + 8 <= image.length; skip--) {
    const { type, length } = qcow2.extension.decode(image.subarray(at));
    if (type === qcow2.END_OF_EXTENSIONS) break;
    at += 8 + Math.ceil(length / 8) * 8;
  }
  return at;
}

function bitmapsExtension(image: Buffer): number | undefined {
  const magic = Buffer.alloc(4);
  magic.writeUInt32BE(qcow2.BITMAPS);
  const at = image.subarray(0, 4096).indexOf(magic);
  return at === -1 ? undefined : at + 8;
}

function bitmap(image: Buffer): number | undefined {
  const at = bitmapsExtension(image);
  if (at === undefined || at + 24 > image.length) return undefined;
  return Number(qcow2.bitmaps.decode(image.subarray(at)).directoryOffset);
}

function bitmapTable(image: Buffer) {
  const at = bitmap(image);
  if (at === undefined || at + 24 > image.length) return undefined;
  const { tableOffset, tableSize } = qcow2.bitmap.decode(image.subarray(at));
  return { start: Number(tableOffset), count: tableSize };
}
