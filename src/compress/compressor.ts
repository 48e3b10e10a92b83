/**
 * Who compresses to zlib: our own encoder in WebAssembly, whose bytes depend on nothing but the
 * input; Node's zlib; or pako, which is JavaScript alone. All make images of the same content.
 */
export const COMPRESSORS = ['wasm', 'zlib', 'pako'] as const;

/** One of {@link COMPRESSORS}. */
export type CompressorName = (typeof COMPRESSORS)[number];

/** Compresses block after block with one state, allocated once. */
export interface Compressor {
  /**
   * Puts the encoded input at the start of `output`, which must have room for it; returns its
   * length.
   */
  compress(input: Uint8Array, output: Uint8Array): number;
}
