import { viewOf } from '../struct.ts';

/** Decodes a refcount block whose entries are 2 ** `order` bits wide: "Refcount block entry". */
export function decodeRefcounts(block: Uint8Array, order: number): (index: number) => number {
  const view = viewOf(block);
  if (order === 6) return (index) => Number(view.getBigUint64(index * 8));
  if (order === 5) return (index) => view.getUint32(index * 4);
  if (order === 4) return (index) => view.getUint16(index * 2);
  if (order === 3) return (index) => view.getUint8(index);
  // Within a byte, the first entry is in the least significant bits.
  const bits = 2 ** order;
  const perByte = 8 / bits;
  const mask = 2 ** bits - 1;
  return (index) => {
    const byte = view.getUint8(Math.floor(index / perByte));
    return (byte >>> ((index % perByte) * bits)) & mask;
  };
}
