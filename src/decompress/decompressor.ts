/**
 * A packed stream that is not what the image says it is; the message is a clause about the stream.
 */
export class DecompressError extends Error {
  override readonly name = 'DecompressError';
}

/**
 * Decompresses one stream: exactly as much as `output` takes, whatever follows it in `compressed`.
 * Throws a DecompressError if it gives less or more, or is damaged; `output` may then hold
 * anything, and nothing is written past it. A stream of deflate that ends early is taken if it
 * gives `atLeast` bytes, by default all: see `CompressedExtent`.
 */
export type Decompressor = (compressed: Uint8Array, output: Uint8Array, atLeast?: number) => void;
