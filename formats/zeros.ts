/**
 * Whether every byte is zero. `bytes` must start at a multiple of 4 in its buffer and its length must
 * be a multiple of 64. Returns at the first 64 bytes that are not zero, so data costs next to nothing.
 */
export function isZero(bytes: Uint8Array): boolean {
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2);
  for (let i = 0; i < words.length; i += 16) {
    let any = 0;
    for (let j = i; j < i + 16; j++) any |= words[j] ?? 0;
    if (any !== 0) return false;
  }
  return true;
}
