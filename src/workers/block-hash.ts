import { host } from '#host';

/** SHA-256 of a block, in lower-case hexadecimal. */
export function blockHash(block: Uint8Array): string {
  const hash = host.hasher('sha256');
  hash.update(block);
  return hash.digest();
}
