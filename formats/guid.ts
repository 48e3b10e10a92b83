// UUIDs as Microsoft and VirtualBox store them: the first three fields, of 4, 2 and 2 bytes, are
// little-endian.

import { uuidText } from './uuid.ts';

/**
 * Converts the 16 bytes of a UUID from the order of RFC 9562 to that of a stored GUID, or back.
 * Returns a new buffer.
 */
export function swapGuid(bytes: Uint8Array): Uint8Array {
  const swapped = Uint8Array.from(bytes);
  swapped.subarray(0, 4).reverse();
  swapped.subarray(4, 6).reverse();
  swapped.subarray(6, 8).reverse();
  return swapped;
}

/** The text form of a stored GUID, in lower case and without braces. */
export function guidText(stored: Uint8Array): string {
  return uuidText(swapGuid(stored));
}

/** Parses the text that `guidText` returns to a stored GUID. */
export function guidBytes(text: string): Uint8Array {
  const digits = text.replaceAll('-', '').match(/../g) ?? [];
  return swapGuid(Uint8Array.from(digits, (byte) => parseInt(byte, 16)));
}

/** Whether a stored GUID is all zeros, which means that there is none. */
export function isNullGuid(stored: Uint8Array): boolean {
  return stored.every((byte) => byte === 0);
}
