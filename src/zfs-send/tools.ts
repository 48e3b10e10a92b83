import * as zlib from 'node:zlib';
import { fletcher4, type SendStreamOptions, type Unpackers } from '../../formats/zfs-send/index.ts';
import { fastParts } from './wasm.ts';

/** Node's, from 22.15 on; its types here are those of the oldest Node. */
type ZstdSync = (frame: Uint8Array, options: { maxOutputLength: number }) => Uint8Array;
const { zstdDecompressSync } = zlib as { zstdDecompressSync?: ZstdSync };

/**
 * What a send stream is read with: the checksum and LZ4 in WebAssembly where there is any, zlib and zstd of Node, and fzstd
 * for a Node that has no zstd.
 */
export async function streamTools(): Promise<Pick<SendStreamOptions, 'checksum' | 'unpackers'>> {
  const inflate: Unpackers['inflate'] = (packed, output) => {
    fill(output, zlib.inflateSync(packed, { maxOutputLength: output.length }));
  };
  const unpackers = { inflate, zstd: zstdDecompressSync ? nodeZstd : await otherZstd() };
  // Missing under `--jitless`.
  if (!('WebAssembly' in globalThis)) return { checksum: fletcher4(), unpackers };
  const { checksum, lz4 } = fastParts();
  return { checksum, unpackers: { ...unpackers, lz4 } };
}

function nodeZstd(frame: Uint8Array, output: Uint8Array): void {
  fill(output, zstdDecompressSync!(frame, { maxOutputLength: output.length })); // it is there
}

async function otherZstd(): Promise<Unpackers['zstd']> {
  const { decompress } = await import('fzstd');
  return (frame, output) => {
    output.fill(0); // it does not tell how much it has put there
    decompress(frame, output);
  };
}

function fill(output: Uint8Array, bytes: Uint8Array): void {
  if (bytes.length !== output.length) throw new RangeError('fewer bytes than the block has');
  output.set(bytes);
}
