import type { ImageInput } from '../../formats/index.ts';

/** An image that is zeros where it has no part. */
export function sparseInput(
  size: number,
  parts: readonly (readonly [offset: number, bytes: Uint8Array])[],
): ImageInput {
  const read = (at: number, length: number): Promise<Uint8Array> => {
    const found = new Uint8Array(length);
    for (const [offset, bytes] of parts) {
      const from = Math.max(at, offset);
      const to = Math.min(at + length, offset + bytes.length);
      if (from < to) found.set(bytes.subarray(from - offset, to - offset), from - at);
    }
    return Promise.resolve(found);
  };
  return { size, read };
}
