// The checksum and the most common compression of send streams in WebAssembly. Its source is in
// `assembly/`.

import { FormatError } from '../../formats/index.ts';
import { instantiate } from '../workers/wasm.ts';
import {
  CHECKSUM_SIZE,
  type RunningChecksum,
  type Decompress,
} from '../../formats/zfs-send/index.ts';

// The exports of assembly/index.ts. Addresses are offsets in `memory`, in bytes.
interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): void };
  readonly sums: { readonly value: number };
  readonly input: { readonly value: number };
  readonly sumWords: (at: number, end: number) => void;
  readonly sumSwappedWords: (at: number, end: number) => void;
  unpackLz4(at: number, end: number, to: number, stop: number): number;
}

const PAGE_SIZE = 65_536;
/** Bytes per call of the checksum, which bounds its input area. */
const PIECE_SIZE = 65_536;
/** The decoder may read and write past the end of a copy, by less than this many bytes. */
const ROOM = 32;

export interface FastParts {
  readonly checksum: RunningChecksum;
  /** See `Decompressors`. */
  readonly lz4: Decompress;
}

/**
 * Makes an instance for one stream. Its memory grows with the largest block, to about 32 MiB at
 * most.
 */
export async function fastParts(): Promise<FastParts> {
  const wasm = (await instantiate('zfs-send')) as Exports;
  const input = wasm.input.value;
  let memory = new Uint8Array(wasm.memory.buffer);
  let sum = wasm.sumWords;

  return { checksum: { reset, update, value }, lz4 };

  function reset(endian: 'big' | 'little'): void {
    sum = endian === 'little' ? wasm.sumWords : wasm.sumSwappedWords;
    memory.fill(0, wasm.sums.value, wasm.sums.value + CHECKSUM_SIZE);
  }

  function update(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += PIECE_SIZE) {
      const piece = bytes.subarray(at, at + PIECE_SIZE);
      memory.set(piece, input);
      sum(input, input + piece.length);
    }
  }

  function value(): bigint[] {
    return [...new BigUint64Array(memory.buffer, wasm.sums.value, 4)];
  }

  function lz4(packed: Uint8Array, output: Uint8Array): void {
    const end = input + packed.length;
    const to = end + ROOM;
    const stop = to + output.length;
    makeRoom(stop + ROOM);
    memory.set(packed, input);
    if (wasm.unpackLz4(input, end, to, stop) === 0) {
      throw new FormatError('damaged', 'the LZ4 data is damaged');
    }
    output.set(memory.subarray(to, stop));
  }

  function makeRoom(size: number): void {
    if (size <= memory.length) return;
    wasm.memory.grow(Math.ceil((size - memory.length) / PAGE_SIZE));
    memory = new Uint8Array(wasm.memory.buffer);
  }
}
