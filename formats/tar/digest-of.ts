import type { Hasher, ImageInput } from '../contract.ts';
import type { TarMember } from './decode-tar.ts';

/** Bytes that are read at a time. */
const STEP = 2 ** 20;

/** Reads a member, and returns its digest in hexadecimal. */
export async function digestOf(
  input: ImageInput,
  { size, imageOffset }: TarMember,
  hasher: Hasher,
): Promise<string> {
  for (let done = 0; done < size; done += STEP) {
    hasher.update(await input.read(imageOffset + done, Math.min(STEP, size - done)));
  }
  return hasher.digest();
}
