import type { ImageOutput, LongHasher } from '../contract.ts';

/** A member of an archive as an empty image, for its own writer; hashed as it is appended. */
export function memberOutput(archive: ImageOutput, hasher: LongHasher | undefined): ImageOutput {
  const start = archive.position;
  const append = (bytes: Uint8Array): void => {
    hasher?.update(bytes);
    archive.append(bytes);
  };
  return {
    get position() {
      return archive.position - start;
    },
    append,
    appendPieces(_, pieces) {
      // At once: the archive's writer takes the digest before the output is flushed.
      for (const bytes of pieces) append(bytes);
    },
    zeros(count) {
      archive.zeros(count); // refuses a negative count
      hasher?.zeros(count);
    },
    patch() {
      throw new Error('a member of an archive is hashed as it is appended: it cannot be patched');
    },
  };
}
