/** A compressed stream contradicts the image. The message is a clause about the stream. */
export class DecompressError extends Error {
  override readonly name = 'DecompressError';
}

/**
 * Decompresses one stream, which must give exactly as many bytes as `output` takes; ignores what
 * follows it in `compressed`. Throws a DecompressError if the stream gives less or more, or is
 * damaged; the content of `output` is then undefined, but nothing is written past it. A deflate
 * stream that ends early is accepted if it gives `atLeast` bytes, by default all: see
 * `CompressedExtent`.
 */
export type Decompressor = (compressed: Uint8Array, output: Uint8Array, atLeast?: number) => void;
