/** The text form of a UUID of 16 bytes: RFC 9562, section 4, in lower case. */
export function uuidText(uuid: Uint8Array): string {
  return hexDigits(uuid).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** Bytes in lower-case hexadecimal, two digits each. */
export function hexDigits(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
