// UUIDs as Microsoft and VirtualBox store them: the first three fields, of 4, 2 and 2 bytes, are
// little-endian.

import { uuidText } from './uuid.ts';

/**
 * The 16 bytes of a UUID in the order of RFC 9562 as a stored GUID, or the other way. Returns a new
 * buffer.
 */
export function swapGuid(bytes: Uint8Array): Uint8Array {
  const swapped = Uint8Array.from(bytes);
  swapped.subarray(0, 4).reverse();
  swapped.subarray(4, 6).reverse();
  swapped.subarray(6, 8).reverse();
  return swapped;
}

/** A stored GUID as people write it, in lower case and without braces. */
export function guidText(stored: Uint8Array): string {
  return uuidText(swapGuid(stored));
}

/** What `guidText` wrote, stored. */
export function guidBytes(text: string): Uint8Array {
  const digits = text.replaceAll('-', '').match(/../g) ?? [];
  return swapGuid(Uint8Array.from(digits, (byte) => parseInt(byte, 16)));
}

/** Whether a stored GUID is all zeros, which stands for none. */
export function isNullGuid(stored: Uint8Array): boolean {
  return stored.every((byte) => byte === 0);
}
