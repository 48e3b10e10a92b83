import { viewOf } from '../struct.ts';
import {
  BLOCK_HEADER_SIZE,
  BLOCK_SIZE_SHIFT,
  LAST_BLOCK,
  MAGIC,
  MAX_BLOCK,
  RAW_BLOCK,
  RLE_BLOCK,
  SIZED_SEGMENT,
  WINDOW_128_KIB,
  WINDOWED,
} from './layout.ts';

/** Zeros in one frame. */
const UNIT = 2 ** 26;

let unit: Uint8Array | undefined;

/** The head of a frame that stores `length` bytes as they are, at most MAX_BLOCK; they follow. */
export function rawFrameHead(length: number): Uint8Array {
  const head = new Uint8Array(9 + BLOCK_HEADER_SIZE);
  const view = viewOf(head);
  view.setUint32(0, MAGIC, true);
  view.setUint8(4, SIZED_SEGMENT);
  view.setUint32(5, length, true);
  putBlockHeader(head, 9, RAW_BLOCK | LAST_BLOCK, length);
  return head;
}

/** Frames of `count` zeros: `length` bytes in pieces. */
export function zeroFrames(count: number): {
  readonly length: number;
  readonly pieces: () => Iterable<Uint8Array>;
} {
  const whole = Math.floor(count / UNIT);
  const rest = count % UNIT === 0 ? new Uint8Array() : zeroFrame(count % UNIT);
  const one = (unit ??= zeroFrame(UNIT));
  return {
    length: whole * one.length + rest.length,
    *pieces() {
      for (let left = whole; left > 0; left--) yield one;
      yield rest;
    },
  };
}

function zeroFrame(count: number): Uint8Array {
  const blocks = Math.ceil(count / MAX_BLOCK);
  const stride = BLOCK_HEADER_SIZE + 1;
  const frame = new Uint8Array(6 + blocks * stride);
  const view = viewOf(frame);
  view.setUint32(0, MAGIC, true);
  view.setUint8(4, WINDOWED);
  view.setUint8(5, WINDOW_128_KIB);
  for (let i = 0; i < blocks; i++) {
    const isLast = i === blocks - 1;
    const length = Math.min(MAX_BLOCK, count - i * MAX_BLOCK);
    putBlockHeader(frame, 6 + i * stride, RLE_BLOCK | (isLast ? LAST_BLOCK : 0), length);
  }
  return frame;
}

function putBlockHeader(bytes: Uint8Array, at: number, kind: number, length: number): void {
  const value = kind | (length << BLOCK_SIZE_SHIFT);
  const view = viewOf(bytes);
  view.setUint16(at, value & 0xffff, true);
  view.setUint8(at + 2, value >>> 16);
}
