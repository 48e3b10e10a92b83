// Reads small files of ext2, ext3 and ext4. The disk may be hostile, so limits of this program hold
// everywhere: blocks of a file, entries of a folder, depth of a tree of extents.
// Specification: Documentation/filesystems/ext4 of Linux: "Super Block", "Group Descriptors",
// "Inode Table", "The Contents of inode.i_block", "Directory Entries". Links are not followed.

import { viewOf } from '../../formats/struct.ts';
import type { DiskView } from '../partitions/disk-view.ts';
import { extSuperblock } from './ext4.ts';

/** An open file system. */
export interface ExtFiles {
  /** The names in a folder; none if it is not there. */
  list(path: readonly string[]): Promise<string[]>;
  /** The content of a file, at most MAX_FILE_SIZE bytes; undefined if it is not there. */
  read(path: readonly string[]): Promise<Uint8Array | undefined>;
}

/** In bytes; host names, machine-ids and public keys are far smaller. */
const MAX_FILE_SIZE = 65_536;
/** In bytes; a folder of some ten thousand names. */
const MAX_FOLDER_SIZE = 2 ** 20;
const MAX_DEPTH = 5;

const ROOT_INODE = 2;
const META_BG = 0x10;
const IS_64BIT = 0x80;
const USES_EXTENTS = 0x80000;
const HAS_INLINE_DATA = 0x1000_0000;
const FILE_TYPE = 0xf000;
const FOLDER = 0x4000;
const FILE = 0x8000;
const EXTENT_MAGIC = 0xf30a;
/** Longer extents are allocated, but not written: they read as zeros. */
const MAX_EXTENT = 0x8000;
const DIRECT_BLOCKS = 12;

interface Layout {
  readonly disk: DiskView;
  readonly blockSize: number;
  readonly inodeCount: number;
  readonly inodesPerGroup: number;
  readonly inodeSize: number;
  /** Where the group descriptors begin, in bytes. */
  readonly groupsOffset: number;
  readonly descriptorSize: number;
}

interface Inode {
  readonly mode: number;
  readonly flags: number;
  readonly size: number;
  /** `i_block`: the tree of extents, or the block map. */
  readonly map: Uint8Array;
}

/** Opens the file system that a disk or a partition begins with; undefined if it is another. */
export async function openExt(disk: DiskView): Promise<ExtFiles | undefined> {
  const layout = layoutOf(disk, await disk.at(0, 4096));
  if (!layout) return undefined;
  return {
    async list(path) {
      const folder = await find(layout, path);
      const entries = folder && isKind(folder, FOLDER) ? await entriesOf(layout, folder) : [];
      return entries.map(({ name }) => name);
    },
    async read(path) {
      const file = await find(layout, path);
      return file && isKind(file, FILE) ? contentOf(layout, file, MAX_FILE_SIZE) : undefined;
    },
  };
}

function layoutOf(disk: DiskView, head: Uint8Array): Layout | undefined {
  const found = extSuperblock(head);
  if (!found || found.logBlockSize > 6 || found.incompatible & META_BG) return undefined;
  const view = viewOf(head.subarray(1024));
  const blockSize = 1024 << found.logBlockSize;
  const isOld = view.getUint32(76, true) === 0; // s_rev_level
  const inodesPerGroup = view.getUint32(40, true);
  const inodeSize = isOld ? 128 : view.getUint16(88, true);
  const descriptorSize = found.incompatible & IS_64BIT ? view.getUint16(254, true) : 32;
  if (inodesPerGroup === 0 || inodeSize < 128 || descriptorSize < 32) return undefined;
  return {
    ...{ disk, blockSize, inodesPerGroup, inodeSize, descriptorSize },
    inodeCount: found.inodes,
    groupsOffset: (view.getUint32(20, true) + 1) * blockSize, // after s_first_data_block
  };
}

async function find(layout: Layout, path: readonly string[]): Promise<Inode | undefined> {
  let inode = await inodeAt(layout, ROOT_INODE);
  for (const name of path) {
    if (!inode || !isKind(inode, FOLDER)) return undefined;
    const entry = (await entriesOf(layout, inode)).find((one) => one.name === name);
    inode = entry && (await inodeAt(layout, entry.inode));
  }
  return inode;
}

function isKind({ mode }: Inode, kind: number): boolean {
  return (mode & FILE_TYPE) === kind;
}

async function inodeAt(layout: Layout, number: number): Promise<Inode | undefined> {
  const { disk, inodesPerGroup, inodeSize, descriptorSize, groupsOffset, blockSize } = layout;
  if (number < 1 || number > layout.inodeCount) return undefined;
  const group = Math.floor((number - 1) / inodesPerGroup);
  const descriptor = viewOf(await disk.at(groupsOffset + group * descriptorSize, descriptorSize));
  const high = descriptorSize >= 64 ? descriptor.getUint32(40, true) : 0;
  const table = (high * 2 ** 32 + descriptor.getUint32(8, true)) * blockSize;
  const bytes = await disk.at(table + ((number - 1) % inodesPerGroup) * inodeSize, 128);
  const view = viewOf(bytes);
  return {
    mode: view.getUint16(0, true),
    flags: view.getUint32(32, true),
    size: view.getUint32(4, true) + view.getUint32(108, true) * 2 ** 32,
    map: bytes.subarray(40, 100),
  };
}

async function entriesOf(layout: Layout, folder: Inode) {
  const bytes = await contentOf(layout, folder, MAX_FOLDER_SIZE);
  const entries: { readonly name: string; readonly inode: number }[] = [];
  const view = viewOf(bytes);
  for (let at = 0; at + 8 <= bytes.length;) {
    const length = view.getUint16(at + 4, true);
    if (length < 8) break; // damaged
    const inode = view.getUint32(at, true);
    const name = Buffer.from(bytes.subarray(at + 8, at + 8 + bytes[at + 6]!)).toString('utf8');
    if (inode !== 0 && name !== '.' && name !== '..') entries.push({ name, inode });
    at += length;
  }
  return entries;
}

/** The first bytes of a file, at most `limit`. */
async function contentOf(layout: Layout, inode: Inode, limit: number): Promise<Uint8Array> {
  const { disk, blockSize } = layout;
  const size = Math.min(inode.size, limit);
  const content = new Uint8Array(size);
  if (inode.flags & HAS_INLINE_DATA) {
    content.set(inode.map.subarray(0, size)); // what does not fit is left out
    return content;
  }
  const count = Math.ceil(size / blockSize);
  const blocks =
    inode.flags & USES_EXTENTS
      ? await blocksOfTree(layout, wholeTree(inode.map, count))
      : await blocksOfMap(layout, inode.map);
  for (const [index, block] of blocks) {
    if (index >= count) continue;
    const bytes = await disk.at(block * blockSize, blockSize);
    content.set(bytes.subarray(0, size - index * blockSize), index * blockSize);
  }
  return content;
}

/** The tree in an inode, as far as the first `count` blocks; of a deeper one nothing is read. */
function wholeTree(node: Uint8Array, count: number): Subtree {
  const depth = Math.min(viewOf(node).getUint16(6, true), MAX_DEPTH);
  return { node, start: 0, end: count, depth };
}

/** Part of a tree of extents: blocks of the file from `start` to before `end`. */
interface Subtree {
  readonly node: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** How many levels are below it. */
  readonly depth: number;
}

/**
 * The blocks of a part of a file by their index in it. What is in another order than it must be, or
 * at another depth, ends the reading: a tree may point to itself.
 */
async function blocksOfTree(layout: Layout, subtree: Subtree): Promise<Map<number, number>> {
  const blocks = new Map<number, number>();
  const { node, start, end, depth } = subtree;
  const view = viewOf(node);
  if (view.getUint16(0, true) !== EXTENT_MAGIC || view.getUint16(6, true) !== depth) return blocks;
  const entries = Math.min(view.getUint16(2, true), Math.floor(node.length / 12) - 1);
  const firstOf = (entry: number) => view.getUint32(12 * (entry + 1), true);
  let after = start;
  for (let entry = 0; entry < entries; entry++) {
    const at = 12 * (entry + 1);
    const first = firstOf(entry);
    if (first < after || first >= end) break;
    after = first + 1;
    if (depth === 0) {
      const length = view.getUint16(at + 4, true);
      const block = view.getUint16(at + 6, true) * 2 ** 32 + view.getUint32(at + 8, true);
      if (length > MAX_EXTENT) continue;
      for (let index = 0; index < length && first + index < end; index++) {
        blocks.set(first + index, block + index);
      }
      continue;
    }
    const child = view.getUint16(at + 8, true) * 2 ** 32 + view.getUint32(at + 4, true);
    const next = entry + 1 < entries ? Math.min(firstOf(entry + 1), end) : end;
    const below = await layout.disk.at(child * layout.blockSize, layout.blockSize);
    const part = { node: below, start: first, end: next, depth: depth - 1 };
    for (const [index, block] of await blocksOfTree(layout, part)) blocks.set(index, block);
  }
  return blocks;
}

/** The direct blocks, and those of the first indirect one. */
async function blocksOfMap(layout: Layout, map: Uint8Array): Promise<Map<number, number>> {
  const { disk, blockSize } = layout;
  const view = viewOf(map);
  const indirect = view.getUint32(4 * DIRECT_BLOCKS, true);
  const more = indirect === 0 ? undefined : viewOf(await disk.at(indirect * blockSize, blockSize));
  const blocks = new Map<number, number>();
  const add = (index: number, block: number) => {
    if (block !== 0) blocks.set(index, block);
  };
  for (let index = 0; index < DIRECT_BLOCKS; index++) add(index, view.getUint32(4 * index, true));
  for (let index = 0; more && index < blockSize / 4; index++) {
    add(DIRECT_BLOCKS + index, more.getUint32(4 * index, true));
  }
  return blocks;
}
