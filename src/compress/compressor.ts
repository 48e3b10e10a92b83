/**
 * The implementations of zlib: our own encoder in WebAssembly, whose output depends only on the
 * input; Node's zlib; and pako, in JavaScript alone. All make images of the same content.
 */
export const COMPRESSORS = ['wasm', 'zlib', 'pako'] as const;

/** One of {@link COMPRESSORS}. */
export type CompressorName = (typeof COMPRESSORS)[number];

/** Compresses blocks with one state, which is allocated once. */
export interface Compressor {
  /**
   * Writes the compressed input to the start of `output`, which must be large enough; returns its
   * length.
   */
  compress(input: Uint8Array, output: Uint8Array): number;
}
