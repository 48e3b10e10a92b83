import { host } from '#host';

/** SHA-256, 32 bytes: the checksum of ZFS labels. */
export function sha256(bytes: Uint8Array): Uint8Array {
  const hash = host.hasher('sha256');
  hash.update(bytes);
  return Buffer.from(hash.digest(), 'hex');
}
