// Follows the frames of a zstd file as its bytes pass by, without decompressing them: whether it
// ends where a frame does, which not every decoder says. RFC 8878, section 3.1.

import { viewOf } from '../struct.ts';
import { BLOCK_HEADER_SIZE, BLOCK_SIZE_SHIFT, LAST_BLOCK, MAGIC, RLE_BLOCK } from './layout.ts';

const BLOCK_TYPE = 3 << 1;
const CHECKSUM = 4; // "Content_Checksum_flag" of the descriptor
const CHECKSUM_SIZE = 4;
const SINGLE_SEGMENT = 0x20;

/** "Skippable_Frame": 16 magic numbers, and a length of 4 bytes. */
const SKIPPABLE = 0x184d2a50;

/** A part of a file: this many bytes, and what they say of the next part. */
interface Part {
  readonly length: number;
  /** Undefined for bytes that say nothing; returns undefined for those that say nothing of it. */
  readonly next?: (bytes: Uint8Array) => Part | undefined;
}

/** A file that is followed. */
export interface ZstdFrames {
  /** Takes the next bytes. Bytes that are no frame are left to the decoder to refuse. */
  push(bytes: Uint8Array): void;
  /** Whether all frames so far are whole. */
  isWhole(): boolean;
  /** The largest window that a frame so far has asked for, in bytes. */
  readonly window: number;
}

/** Starts at the beginning of a file. */
export function zstdFrames(): ZstdFrames {
  const start: Part = { length: 5, next: afterMagic };
  let part = start;
  let after: Part[] = []; // what follows `part`, if it says nothing itself
  let held = new Uint8Array(0); // the bytes of `part` so far, if they say something
  let seen = 0; // how many those are
  let window = 0;

  return {
    push(bytes) {
      for (let at = 0; at < bytes.length;) {
        const taken = bytes.subarray(at, at + part.length - seen);
        at += taken.length;
        seen += taken.length;
        if (part.next) held = joined(held, taken);
        if (seen === part.length) advance();
      }
    },
    isWhole: () => part === start && seen === 0,
    get window() {
      return window;
    },
  };

  function advance(): void {
    do {
      part = part.next?.(held) ?? after.shift() ?? start;
      held = new Uint8Array(0);
      seen = 0;
    } while (part.length === 0);
  }

  /** "Magic_Number" and "Frame_Header_Descriptor". */
  function afterMagic(bytes: Uint8Array): Part {
    const view = viewOf(bytes);
    const magic = view.getUint32(0, true);
    const descriptor = view.getUint8(4);
    if (magic >>> 4 === SKIPPABLE >>> 4) {
      const [first = 0] = bytes.subarray(4);
      return { length: 3, next: (rest) => skipped(joined(Uint8Array.of(first), rest)) };
    }
    if (magic !== MAGIC) return { length: Infinity };
    const isSingle = (descriptor & SINGLE_SEGMENT) !== 0;
    const contentSize = [isSingle ? 1 : 0, 2, 4, 8][descriptor >>> 6] ?? 0;
    const dictionary = [0, 1, 2, 4][descriptor & 3] ?? 0;
    const length = (isSingle ? 0 : 1) + dictionary + contentSize;
    const checksum = (descriptor & CHECKSUM) !== 0 ? CHECKSUM_SIZE : 0;
    const block: Part = { length: BLOCK_HEADER_SIZE, next: (head) => blockOf(head, checksum) };
    after = [block];
    if (isSingle) return { length };
    after = length > 1 ? [{ length: length - 1 }, block] : [block];
    return { length: 1, next: withWindow };
  }

  /** "Window_Descriptor": an exponent of 5 bits and a mantissa of 3. */
  function withWindow(bytes: Uint8Array): undefined {
    const [descriptor = 0] = bytes;
    const base = 2 ** (10 + (descriptor >>> 3));
    window = Math.max(window, base + (base / 8) * (descriptor & 7));
  }

  function skipped(size: Uint8Array): Part {
    return { length: viewOf(size).getUint32(0, true) };
  }

  function blockOf(head: Uint8Array, checksum: number): Part {
    const view = viewOf(head);
    const value = view.getUint16(0, true) | (view.getUint8(2) << 16);
    const length = (value & BLOCK_TYPE) === RLE_BLOCK ? 1 : value >>> BLOCK_SIZE_SHIFT;
    const isLast = (value & LAST_BLOCK) !== 0;
    const next: Part = { length: BLOCK_HEADER_SIZE, next: (bytes) => blockOf(bytes, checksum) };
    after = isLast ? [{ length: checksum }] : [next];
    return { length };
  }
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(one.length + other.length);
  bytes.set(one);
  bytes.set(other, one.length);
  return bytes;
}
