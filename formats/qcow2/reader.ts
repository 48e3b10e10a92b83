// Reads images of version 2 and 3 by whomever: header -> L1 table -> L2 tables, one at a time -> stretches.

import type {
  ImageFacts,
  ImageInput,
  ImageReader,
  NotOpened,
  ReadRequest,
  ImageExtent,
} from '../contract.ts';
import { viewOf } from '../struct.ts';
import { checkImage } from './check.ts';
import { fault, hex, unsupported } from './extensions.ts';
import { type Header, readHeader } from './header.ts';
import { l2Entry, l2Stretches, type MapContext, offsetOf } from './l2-table.ts';
import { ENTRY_SIZE, ZERO_LOW } from './layout.ts';
import { readSnapshots } from './snapshots.ts';

/** So many snapshots are told by name; more are counted. */
const MAX_NAMES = 100;

/** Opens an image. Throws a FormatError for what is none, or cannot be read. Holds its L1 table, at most 32 MiB. */
export async function qcow2Reader(request: ReadRequest): Promise<ImageReader> {
  const { input } = request;
  const header = await readHeader(input);
  const facts = await factsOf(header, input);
  const { dataFile, notOpened } = await openDataFile(header, request);
  const context: MapContext = { header, input, dataFile };
  const l1 = once(() => readL1(context));
  const l2 = lastOf((offset: number) => readTable(context, offset));
  const checkedShared = new Set<number>();
  return {
    facts,
    notOpened,
    extents: (from = 0) => stretches(from),
    check: () => checkImage(input, header),
  };

  async function* stretches(from: number): AsyncGenerator<ImageExtent> {
    const { clusterSize, l2EntrySize, diskSize } = header;
    const span = (clusterSize / l2EntrySize) * clusterSize;
    const { offsets, shared } = await l1();
    for (let i = Math.floor(from / span); i * span < diskSize && from < diskSize; i++) {
      const offset = offsets[i] ?? 0;
      if (offset === 0) continue;
      if (shared.has(offset)) {
        if (!checkedShared.has(offset)) checkAllZeros(await l2(offset), offset, context);
        checkedShared.add(offset); // each is read but once, whatever the size of the disk
        const diskOffset = i * span;
        yield { kind: 'zeros', diskOffset, diskLength: Math.min(span, diskSize - diskOffset) };
        continue;
      }
      yield* l2Stretches(await l2(offset), i * span, from, context);
    }
  }
}

async function openDataFile(
  { dataFile: name }: Header,
  request: ReadRequest,
): Promise<{ dataFile?: ImageInput; notOpened?: NotOpened }> {
  if (name === undefined) return {};
  const dataFile = await request.openOther(name);
  if (dataFile) return { dataFile };
  // As if it were as large as any: where the clusters lie in it is told by the tables.
  const read = () =>
    Promise.reject(unsupported(`the data file ${JSON.stringify(name)} was not opened`));
  return {
    dataFile: { size: Number.MAX_SAFE_INTEGER, read },
    notOpened: { files: [name], isMapped: true },
  };
}

interface L1Table {
  /** Image offsets of the L2 tables, 0 where there is none. */
  readonly offsets: Float64Array;
  /** Those that map several parts of the disk. */
  readonly shared: ReadonlySet<number>;
}

async function readL1({ header, input }: MapContext): Promise<L1Table> {
  const { offset, entryCount } = header.l1;
  const view = viewOf(await input.read(offset, entryCount * ENTRY_SIZE));
  const offsets = new Float64Array(entryCount);
  for (let i = 0; i < entryCount; i++) {
    offsets[i] = offsetOf(view.getUint32(i * ENTRY_SIZE), view.getUint32(i * ENTRY_SIZE + 4));
  }
  return { offsets, shared: sharedOf(offsets) };
}

function sharedOf(offsets: Float64Array): ReadonlySet<number> {
  const shared = new Set<number>();
  const sorted = offsets.slice().sort();
  for (let i = 1; i < sorted.length; i++) {
    const offset = sorted[i] ?? 0;
    if (offset !== 0 && offset === sorted[i - 1]) shared.add(offset);
  }
  return shared;
}

/**
 * Several parts of the disk share a table of zeros alone, as our own overlays have. Any other such table is damage; mapping
 * millions of them it would be read for ever.
 */
function checkAllZeros(table: Uint8Array, offset: number, { header }: MapContext): void {
  const { version, l2EntrySize } = header;
  const view = viewOf(table);
  for (let i = 0; i < table.length / l2EntrySize; i++) {
    const { high, low } = l2Entry(view, i, l2EntrySize);
    if (version > 2 && l2EntrySize === ENTRY_SIZE && high === 0 && low === ZERO_LOW) continue;
    throw fault(`the L2 table at ${hex(offset)} is that of two parts of the disk`);
  }
}

async function readTable({ header, input }: MapContext, offset: number): Promise<Uint8Array> {
  const { clusterSize } = header;
  if (offset % clusterSize !== 0) throw fault(`an L2 table at ${hex(offset)} is not aligned`);
  if (offset + clusterSize > input.size) {
    throw fault(`the L2 table at ${hex(offset)}`, `the image ends at ${hex(input.size)}`);
  }
  return input.read(offset, clusterSize);
}

async function factsOf(header: Header, input: ImageInput): Promise<ImageFacts> {
  const names: string[] = [];
  for await (const { name } of readSnapshots(input, header)) {
    if (names.push(name) === MAX_NAMES) break;
  }
  const { count } = header.snapshots;
  if (count > names.length) names.push(`and ${count - names.length} more`);
  return {
    format: 'qcow2',
    subformat: `version ${header.version}`,
    diskSize: header.diskSize,
    details: {
      'cluster size': header.clusterSize,
      'compression type': header.compression,
      'refcount bits': 2 ** header.refcountOrder,
      'extended L2 entries': header.l2EntrySize > ENTRY_SIZE,
      'lazy refcounts': header.lazyRefcounts,
      dirty: header.dirty,
      corrupt: header.corrupt,
      snapshots: names,
      ...(header.bitmaps && { bitmaps: header.bitmaps.count }),
      ...(header.dataFile !== undefined && { 'data file': header.dataFile }),
    },
    backing: header.backing,
  };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

/** Keeps what was asked for last, as neighbours are often asked for in turn. */
function lastOf<T>(make: (key: number) => Promise<T>): (key: number) => Promise<T> {
  let last: { key: number; value: T } | undefined;
  return async (key) => {
    if (last?.key !== key) last = { key, value: await make(key) };
    return last.value;
  };
}
