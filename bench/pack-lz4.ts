// An LZ4 block (lz4_Block_format.md) as a pool holds it: after its length in four bytes,
// big-endian. It takes the first match that it finds, as ZFS does.

const MIN_MATCH = 4;
/** The last match begins at least so many bytes before the end. */
const LAST_MATCH = 12;
const LAST_LITERALS = 5;
const HASH_BITS = 14;
const MAX_DISTANCE = 65_535;

/** Undefined if it saves less than an eighth: ZFS then stores the block as it is. */
export function packLz4(block: Uint8Array): Uint8Array | undefined {
  const view = new DataView(block.buffer, block.byteOffset, block.length);
  const packed = new Uint8Array(block.length + (block.length >> 7) + 32);
  const places = new Int32Array(1 << HASH_BITS).fill(-1);
  const end = block.length - LAST_LITERALS;
  let to = 4;
  let literalsFrom = 0;
  for (let at = 0; at <= block.length - LAST_MATCH;) {
    const word = view.getUint32(at, true);
    const hash = Math.imul(word, 2_654_435_761) >>> (32 - HASH_BITS);
    const found = places[hash]!; // as many places as hashes
    places[hash] = at;
    if (found < 0 || at - found > MAX_DISTANCE || view.getUint32(found, true) !== word) {
      at++;
      continue;
    }
    let length = MIN_MATCH;
    while (at + length < end && block[at + length] === block[found + length]) length++;
    sequence(at, at - found, length);
    at += length;
    literalsFrom = at;
  }
  sequence(block.length);
  new DataView(packed.buffer).setUint32(0, to - 4);
  return to > block.length - (block.length >> 3) ? undefined : packed.subarray(0, to);

  /** Writes the literals up to there, and a match unless it is the end. */
  function sequence(literalsTo: number, distance = 0, length = MIN_MATCH): void {
    const literals = literalsTo - literalsFrom;
    packed[to++] = (Math.min(literals, 15) << 4) | Math.min(length - MIN_MATCH, 15);
    more(literals);
    packed.set(block.subarray(literalsFrom, literalsTo), to);
    to += literals;
    if (distance === 0) return;
    packed[to++] = distance & 255;
    packed[to++] = distance >> 8;
    more(length - MIN_MATCH);
  }

  /** The part of a count that does not fit into the token. */
  function more(count: number): void {
    if (count < 15) return;
    let rest = count - 15;
    for (; rest >= 255; rest -= 255) packed[to++] = 255;
    packed[to++] = rest;
  }
}
