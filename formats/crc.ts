/** A CRC of 32 bits. `before` is that of the bytes in front of these, 0 without any. */
export type Crc = (bytes: Uint8Array, before?: number) => number;

/** The CRC-32 whose polynomial has its bits reversed, inverted at both ends; unsigned. */
export function crcOf(polynomial: number): Crc {
  let tables: Int32Array | undefined;
  return (bytes, before = 0) => crcBy((tables ??= tablesOf(polynomial)), bytes, before);
}

const ENTRIES = 256;
/** Bytes that are looked up at once, each in a table of its own: "slicing-by-8", by Intel. */
const SLICES = 8;

/** Table `n`: the CRC of each byte with `n` zeros behind it. */
function tablesOf(polynomial: number): Int32Array {
  const tables = new Int32Array(SLICES * ENTRIES);
  for (let byte = 0; byte < ENTRIES; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) !== 0 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    tables[byte] = crc;
  }
  for (let i = ENTRIES; i < tables.length; i++) {
    const crc = tables[i - ENTRIES] ?? 0;
    tables[i] = (crc >>> 8) ^ (tables[crc & 0xff] ?? 0);
  }
  return tables;
}

function crcBy(tables: Int32Array, bytes: Uint8Array, before: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const of = (slice: number, byte: number) => tables[slice * ENTRIES + (byte & 0xff)] ?? 0;
  let crc = ~before;
  let i = 0;
  for (; i + SLICES <= bytes.length; i += SLICES) {
    const first = crc ^ view.getInt32(i, true);
    const last = view.getInt32(i + 4, true);
    crc =
      of(7, first) ^
      of(6, first >>> 8) ^
      of(5, first >>> 16) ^
      of(4, first >>> 24) ^
      of(3, last) ^
      of(2, last >>> 8) ^
      of(1, last >>> 16) ^
      of(0, last >>> 24);
  }
  for (; i < bytes.length; i++) crc = (crc >>> 8) ^ of(0, crc ^ view.getUint8(i));
  return ~crc >>> 0;
}
