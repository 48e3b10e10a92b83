import type { Encoding } from '../../formats/index.ts';

/**
 * Who compresses to zlib: our own encoder in WebAssembly, whose bytes depend on nothing but the input; Node's zlib; or pako,
 * which is JavaScript alone. All make images of the same content.
 */
export const COMPRESSORS = ['wasm', 'zlib', 'pako'] as const;
export type CompressorName = (typeof COMPRESSORS)[number];

/** Compresses block after block with one state, allocated once. */
export interface Compressor {
  /** Puts the encoded input at the start of `output`, which must have room for it; returns its length. */
  compress(input: Uint8Array, output: Uint8Array): number;
}

/**
 * The most that a block may grow by, in bytes. Deflate at its worst, stored blocks of 8 KiB, adds 5
 * bytes to each; VMDK readers allow a grain 500 (open-vmdk and VirtualBox: 66,036 in all).
 */
export const PACKED_SLACK = 4096;

/** Opens a compressor, which holds up to 2 MiB. */
export async function openCompressor(
  encoding: Encoding,
  name: CompressorName,
): Promise<Compressor> {
  if (encoding.kind === 'zstd') return (await import('./zstd.ts')).zstdCompressor(encoding);
  if (name === 'wasm') return (await import('./deflate/index.ts')).deflateCompressor(encoding);
  if (name === 'zlib') return (await import('./zlib.ts')).zlibCompressor(encoding);
  return (await import('./pako.ts')).pakoCompressor(encoding);
}

/** The first that there is: WebAssembly is missing under `--jitless`, zlib from a Node built without it. */
export async function defaultCompressor(): Promise<CompressorName> {
  if ('WebAssembly' in globalThis) return 'wasm';
  return import('node:zlib').then(
    () => 'zlib',
    () => 'pako',
  );
}
