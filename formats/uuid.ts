/** The text form of a UUID of 16 bytes: RFC 9562, section 4, in lower case. */
export function uuidText(uuid: Uint8Array): string {
  return hexDigits(uuid).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/**
 * A UUID for one of the images of a disk: VirtualBox refuses a medium with the UUID of another,
 * whatever their formats. Each format that records one has a `number` of its own; vmdk leaves the
 * UUID as it is.
 */
export function uuidOfImage(diskUuid: Uint8Array, number: number): Uint8Array {
  const uuid = Uint8Array.from(diskUuid);
  uuid[15] = uuid[15]! ^ number; // of 16 bytes
  return uuid;
}

/** The UUID of a disk of a machine, by its place; the first has that of the machine's export. */
export function uuidOfDisk(exportUuid: Uint8Array, index: number): Uint8Array {
  const uuid = Uint8Array.from(exportUuid);
  // Not the last byte, in which the images of one disk differ.
  uuid[14] = uuid[14]! ^ index; // of 16 bytes
  return uuid;
}

/** Bytes in lower-case hexadecimal, two digits each. */
export function hexDigits(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
