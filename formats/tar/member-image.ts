import type { ImageInput, ImageOutput } from '../contract.ts';
import { damaged } from './faults.ts';
import type { TarMember } from './decode-tar.ts';

/** The member that begins at the end of an archive, as an empty image for its own writer. */
export function memberImage(archive: ImageOutput): ImageOutput {
  const start = archive.position;
  return {
    get position() {
      return archive.position - start;
    },
    append: (bytes) => archive.append(bytes),
    appendPieces: (length, pieces) => archive.appendPieces(length, pieces),
    zeros: (count) => archive.zeros(count),
    patch: (imageOffset, bytes) => archive.patch(start + imageOffset, bytes),
  };
}

/**
 * A member of an archive as an image of its own. `fault` makes the error of a read past its end.
 */
export function memberInput(
  archive: ImageInput,
  { name, size, imageOffset }: TarMember,
  fault = damaged,
): ImageInput {
  return {
    size,
    read: async (offset, length) => {
      if (length <= size - offset) return archive.read(imageOffset + offset, length);
      throw fault(`${name} ends at byte ${size}, within ${length} bytes at ${offset}`);
    },
    isHole: (offset, length) => archive.isHole?.(imageOffset + offset, length) ?? false,
  };
}
