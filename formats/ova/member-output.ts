import type { Hasher, ImageOutput } from '../contract.ts';

const ZEROS = new Uint8Array(65_536);

/** A member of an archive as an empty image, for its own writer; hashed as it is appended. */
export function memberOutput(archive: ImageOutput, hasher: Hasher | undefined): ImageOutput {
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
      for (let left = count; hasher && left > 0; left -= ZEROS.length) {
        hasher.update(ZEROS.subarray(0, Math.min(left, ZEROS.length)));
      }
    },
    patch() {
      throw new Error('a member of an archive is hashed as it is appended: it cannot be patched');
    },
  };
}
