import { bytesToHex } from '@noble/hashes/utils.js';
import { createSHA256 } from 'hash-wasm';
import type { Hasher } from '../../formats/contract.ts';

/**
 * SHA-256 of whole images, in WebAssembly: twice as fast as the hasher of the host, which is there
 * at once and hashes what formats record.
 */
export async function imageHasher(): Promise<Hasher> {
  const hash = await createSHA256();
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest() };
}

/** The browser hashes what is in memory, many times as fast: images of so many bytes at most. */
const MAX_IN_MEMORY = 2 ** 27;

/** SHA-256 of a whole image of `size` bytes. */
export async function hasherOf(
  size: number,
): Promise<Pick<Hasher, 'update'> & { digest(): string | Promise<string> }> {
  if (size > MAX_IN_MEMORY || !isSecureContext) return imageHasher();
  const whole = new Uint8Array(size);
  let end = 0;
  return {
    update(bytes) {
      whole.set(bytes, end);
      end += bytes.length;
    },
    digest: async () => bytesToHex(new Uint8Array(await crypto.subtle.digest('SHA-256', whole))),
  };
}
