// Reads images of version 2 and 3: header -> L1 table -> L2 tables, one at a time -> extents.

import type {
  ImageExtent,
  ImageFacts,
  ImageInput,
  ImageReader,
  NotOpened,
  ReadRequest,
} from '../contract.ts';
import { viewOf } from '../struct.ts';
import { checkQcow2 } from './check.ts';
import { decodeMap, type Header, readHeader } from './decode-header.ts';
import { decodeEntry, decodeL2Entry, offsetOf } from './decode-l2-entry.ts';
import { decodeSnapshots, type Snapshot } from './decode-snapshots.ts';
import { damaged, hexOffset, tableProblem, unsupported } from './faults.ts';
import { l2Extents, type MapContext } from './l2-extents.ts';
import { ENTRY_SIZE, ZERO_LOW } from './layout.ts';

/** Snapshots that are listed by name; the others are counted. */
const MAX_NAMES = 100;

/**
 * Opens an image, or its disk as a snapshot in it has it. Rejects with a FormatError if it is not a
 * qcow2 or cannot be read, or has no such snapshot. Keeps the L1 table in memory, at most 32 MiB.
 */
export async function readQcow2(
  request: ReadRequest,
  internalSnapshot?: string,
): Promise<ImageReader> {
  const { input } = request;
  const whole = await readHeader(input);
  const header =
    internalSnapshot === undefined ? whole : await headerAsOf(internalSnapshot, whole, input);
  const facts = await factsOf(header, input);
  const { dataFile, notOpened } = await openDataFile(header, request);
  const context: MapContext = { header, input, dataFile };
  const l1 = once(() => readL1(context));
  const l2 = lastOf((offset: number) => readL2(context, offset));
  const checkedShared = new Set<number>();
  return {
    facts,
    notOpened,
    extents: (from = 0) => extents(from),
    check: () => checkQcow2(input, whole),
  };

  async function* extents(from: number): AsyncGenerator<ImageExtent> {
    const { clusterSize, l2EntrySize, diskSize } = header;
    const span = (clusterSize / l2EntrySize) * clusterSize;
    const { offsets, shared } = await l1();
    for (let i = Math.floor(from / span); i * span < diskSize && from < diskSize; i++) {
      const offset = offsets[i] ?? 0;
      if (offset === 0) continue;
      if (shared.has(offset)) {
        if (!checkedShared.has(offset)) checkAllZeros(await l2(offset), offset, context);
        checkedShared.add(offset); // each is read only once, whatever the size of the disk
        const diskOffset = i * span;
        yield { kind: 'zeros', diskOffset, diskLength: Math.min(span, diskSize - diskOffset) };
        continue;
      }
      checkL2Place(context, offset);
      const isHole = input.isHole?.(offset, clusterSize);
      if (isHole === true || (await isHole)) continue; // without a wait for each of millions
      yield* l2Extents(await l2(offset), i * span, from, context);
    }
  }
}

/** The header as it was when a snapshot was taken, which QEMU finds by its id, then its name. */
async function headerAsOf(wanted: string, header: Header, input: ImageInput): Promise<Header> {
  const names: string[] = [];
  let found: Snapshot | undefined;
  for await (const snapshot of decodeSnapshots(input, header)) {
    if (names.length < MAX_NAMES) names.push(`${snapshot.id} (${snapshot.name})`);
    if (snapshot.id === wanted) {
      found = snapshot;
      break;
    }
    if (snapshot.name === wanted) found ??= snapshot;
  }
  if (!found) {
    const has = names.length === 0 ? 'none' : names.join(', ');
    throw unsupported(`there is no snapshot "${wanted}", the image has ${has}`);
  }
  const { l1, diskSize = BigInt(header.diskSize) } = found;
  const { clusterBits, clusterSize, l2EntrySize } = header;
  const raw = {
    size: diskSize,
    clusterBits,
    l1Size: l1.entryCount,
    l1TableOffset: BigInt(l1.offset),
  };
  const span = (clusterSize / l2EntrySize) * clusterSize;
  return { ...header, ...decodeMap(raw, span, input.size) };
}

async function openDataFile(
  { dataFile: name }: Header,
  request: ReadRequest,
): Promise<{ dataFile?: ImageInput; notOpened?: NotOpened }> {
  if (name === undefined) return {};
  const dataFile = await request.openOther(name);
  if (dataFile) return { dataFile };
  // The tables in the image say where the clusters lie, so a file of any size can stand in for it.
  const read = () =>
    Promise.reject(unsupported(`the external data file ${JSON.stringify(name)} is not open`));
  return {
    dataFile: { size: Number.MAX_SAFE_INTEGER, read },
    notOpened: { files: [name], isMapped: true },
  };
}

interface L1Table {
  /** Image offsets of the L2 tables; 0: there is none. */
  readonly offsets: Float64Array;
  /** The offsets that several entries have. */
  readonly shared: ReadonlySet<number>;
}

async function readL1({ header, input }: MapContext): Promise<L1Table> {
  const { offset, entryCount } = header.l1;
  const view = viewOf(await input.read(offset, entryCount * ENTRY_SIZE));
  const offsets = new Float64Array(entryCount);
  for (let i = 0; i < entryCount; i++) offsets[i] = offsetOf(decodeEntry(view, i));
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
 * L1 entries may share a table that marks everything as zeros, as in the overlays of this program.
 * Any other shared table is damage: with millions of references, reading it would never end.
 */
function checkAllZeros(table: Uint8Array, offset: number, { header }: MapContext): void {
  const { version, l2EntrySize } = header;
  const view = viewOf(table);
  for (let i = 0; i < table.length / l2EntrySize; i++) {
    const { high, low } = decodeL2Entry(view, i, l2EntrySize);
    if (version > 2 && l2EntrySize === ENTRY_SIZE && high === 0 && low === ZERO_LOW) continue;
    throw damaged(`the L2 table at ${hexOffset(offset)} maps two parts of the disk`);
  }
}

async function readL2(context: MapContext, offset: number): Promise<Uint8Array> {
  checkL2Place(context, offset);
  return context.input.read(offset, context.header.clusterSize);
}

function checkL2Place({ header, input }: MapContext, offset: number): void {
  const { clusterSize: size } = header;
  const problem = tableProblem('the L2 table', { offset, size }, size, input.size);
  if (problem !== undefined) throw damaged(problem);
}

async function factsOf(header: Header, input: ImageInput): Promise<ImageFacts> {
  const names: string[] = [];
  for await (const { name } of decodeSnapshots(input, header)) {
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

/** Keeps the value of the last key, since the same one is often requested again. */
function lastOf<T>(make: (key: number) => Promise<T>): (key: number) => Promise<T> {
  let last: { key: number; value: T } | undefined;
  return async (key) => {
    if (last?.key !== key) last = { key, value: await make(key) };
    return last.value;
  };
}
