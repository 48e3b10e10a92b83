// Name-value lists as ZFS packs them, in XDR and without our own decoder.

/** Numbers of 32 bits, signed or not. */
export function words(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, index) => bytes.writeInt32BE(value, 4 * index));
  return bytes;
}

/** A number of 64 bits. */
export function number64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

/** A string: its length, then whole words. */
export function xdrText(value: string): Buffer {
  const length = Buffer.byteLength(value);
  const padded = Buffer.alloc(Math.ceil(length / 4) * 4);
  padded.write(value);
  return Buffer.concat([words(length), padded]);
}

/** A pair with a value that is encoded already; `count` is that of its elements. */
export function pair(name: string, type: number, count: number, value: Buffer): Buffer {
  const body = Buffer.concat([xdrText(name), words(type, count), value]);
  return Buffer.concat([words(body.length + 8, 64), body]);
}

/** A pair with one number, string or list. */
export function pairOf(name: string, value: bigint | string | Buffer): Buffer {
  if (typeof value === 'bigint') return pair(name, 8, 1, number64(value));
  return typeof value === 'string' ? pair(name, 9, 1, xdrText(value)) : pair(name, 19, 1, value);
}

/** A list inside another one. */
export function innerList(...pairs: Buffer[]): Buffer {
  return Buffer.concat([words(0, 1), ...pairs, words(0, 0)]);
}

/** A whole list, with the header that says how it is encoded. */
export function packedList(...pairs: Buffer[]): Buffer {
  return Buffer.concat([Buffer.of(1, 1, 0, 0), innerList(...pairs)]);
}
