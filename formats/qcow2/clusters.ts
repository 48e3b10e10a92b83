// Allocates the clusters of a growing image and counts the references to them. Compressed blocks
// share clusters byte by byte, as in QEMU's allocator; tables and plain blocks take whole ones.
//
// On disk: a cluster for the header, data and tables as they come, a refcount block whenever the
// image has outgrown the one before (every 2 GiB), then the refcount table and the last blocks.

import type { ImageOutput } from '../contract.ts';
import { paddingAfter, roundUp } from '../rounding.ts';
import { viewOf } from '../struct.ts';
import { ENTRY_SIZE, REFCOUNT_SIZE } from './layout.ts';

const MAX_REFCOUNT = 2 ** (8 * REFCOUNT_SIZE) - 1;

/** The clusters of an image that is being written. */
export interface Clusters {
  /** Appends bytes in adjacent clusters of their own; returns their image offset. */
  addWhole(bytes: Uint8Array): number;
  /** Leaves adjacent clusters of their own empty, to be patched in; returns their image offset. */
  reserve(length: number): number;
  /** Adds less than a cluster of compressed data after the last; returns its image offset. */
  addCompressed(bytes: Uint8Array): number;
  /**
   * Adds a reference to a cluster of `addWhole`. Returns false if its refcount is in the image
   * already or at its maximum.
   */
  share(imageOffset: number): boolean;
  /** Writes the refcounts. Nothing can be added afterwards. */
  finish(): { readonly refcountTableOffset: number; readonly refcountTableClusters: number };
}

/**
 * `output` must be empty. Its first cluster is left for the header, which the caller patches in.
 */
export function clusters(output: ImageOutput, clusterSize: number): Clusters {
  const refcountsPerBlock = clusterSize / REFCOUNT_SIZE;
  /** Bytes of the image that one refcount block counts. */
  const refcountSpan = refcountsPerBlock * clusterSize;

  // Image offsets of the refcount blocks that are written, and by their index in the table those
  // that still change. At most three still change: the image grows by less than their span between
  // two L2 tables, and each table retires what lies behind it.
  const written: number[] = [];
  const open = new Map<number, Uint8Array>();

  // Room for compressed data. Its cluster may not be the last: tables and plain blocks can follow.
  let roomStart = 0;
  let roomEnd = 0;

  output.zeros(clusterSize);
  refer(0, clusterSize);

  return { addWhole, reserve, addCompressed, share, finish };

  function addWhole(bytes: Uint8Array): number {
    retireRefcountBlocks();
    return appendWhole(bytes);
  }

  function reserve(length: number): number {
    retireRefcountBlocks();
    align();
    const at = output.position;
    output.zeros(roundUp(length, clusterSize));
    refer(at, output.position);
    return at;
  }

  function addCompressed(bytes: Uint8Array): number {
    const endsImage = roomStart === output.position;
    if (!endsImage && bytes.length > roomEnd - roomStart) {
      retireRefcountBlocks();
      align();
      roomStart = output.position;
    }
    const at = roomStart;
    roomStart += bytes.length;
    roomEnd = roundUp(roomStart, clusterSize);
    if (at === output.position) output.append(bytes);
    else output.patch(at, bytes);
    refer(at, roomStart);
    return at;
  }

  function share(imageOffset: number): boolean {
    const index = Math.floor(imageOffset / refcountSpan);
    if (index < written.length) return false;
    const at = ((imageOffset / clusterSize) % refcountsPerBlock) * REFCOUNT_SIZE;
    if (viewOf(blockAt(index)).getUint16(at) === MAX_REFCOUNT) return false;
    refer(imageOffset, imageOffset + clusterSize);
    return true;
  }

  function finish(): ReturnType<Clusters['finish']> {
    align();
    const start = output.position;
    const { blockCount, tableSize, end } = refcountSpace(start);
    refer(start, end);
    const table = new Uint8Array(tableSize);
    const view = viewOf(table);
    const lastBlocks = blockCount - written.length;
    for (let i = 0; i < lastBlocks; i++) written.push(start + tableSize + i * clusterSize);
    written.forEach((offset, i) => view.setBigUint64(i * ENTRY_SIZE, BigInt(offset)));
    output.append(table);
    for (let i = blockCount - lastBlocks; i < blockCount; i++) output.append(blockAt(i));
    return { refcountTableOffset: start, refcountTableClusters: tableSize / clusterSize };
  }

  /** What the refcount table and the last blocks take at `start`; they count themselves, too. */
  function refcountSpace(start: number): { blockCount: number; tableSize: number; end: number } {
    let blockCount = written.length;
    for (;;) {
      const tableSize = roundUp(blockCount * ENTRY_SIZE, clusterSize);
      const end = start + tableSize + (blockCount - written.length) * clusterSize;
      const needed = Math.ceil(end / refcountSpan);
      if (needed <= blockCount) return { blockCount, tableSize, end };
      blockCount = needed;
    }
  }

  /** Writes the refcount blocks that the image has outgrown, and gives up the room they count. */
  function retireRefcountBlocks(): void {
    for (;;) {
      const index = written.length;
      const spanEnd = (index + 1) * refcountSpan;
      if (output.position < spanEnd) return;
      if (roomEnd <= spanEnd) roomStart = roomEnd = 0;
      const block = blockAt(index);
      open.delete(index);
      written.push(appendWhole(block));
    }
  }

  function appendWhole(bytes: Uint8Array): number {
    align();
    const at = output.position;
    output.append(bytes);
    align();
    refer(at, output.position);
    return at;
  }

  function align(): void {
    output.zeros(paddingAfter(output.position, clusterSize));
  }

  /** Adds one to the refcount of each cluster that [start, end) touches. */
  function refer(start: number, end: number): void {
    const last = Math.floor((end - 1) / clusterSize);
    for (let cluster = Math.floor(start / clusterSize); cluster <= last; cluster++) {
      const view = viewOf(blockAt(Math.floor(cluster / refcountsPerBlock)));
      const at = (cluster % refcountsPerBlock) * REFCOUNT_SIZE;
      view.setUint16(at, view.getUint16(at) + 1);
    }
  }

  function blockAt(index: number): Uint8Array {
    let block = open.get(index);
    if (!block) open.set(index, (block = new Uint8Array(clusterSize)));
    return block;
  }
}
