// LZ4 blocks, lz4_Block_format.md. Copies go by 16 bytes and may run up to 16 bytes past what they
// are to copy: the caller leaves that room after its input and after its output.

const MIN_MATCH: usize = 4;
const STEP: usize = 16;
const HALF_STEP: usize = 8;

/**
 * Unpacks what lies from `at` to `end` to exactly the bytes from `to` to `stop`; returns whether it
 * could.
 */
export function unpackLz4(at: usize, end: usize, to: usize, stop: usize): bool {
  const start = to;
  while (at < end) {
    const token = load<u8>(at++);
    let length: usize = token >> 4;
    if (length == 15) {
      let more: usize = 255;
      while (more == 255) {
        if (at >= end) return false;
        more = load<u8>(at++);
        length += more;
      }
    }
    if (length > end - at || length > stop - to) return false;
    copy(to, at, length);
    at += length;
    to += length;
    if (at == end) return to == stop; // the last sequence has no match
    if (end - at < 2) return false;
    const distance: usize = load<u16>(at);
    at += 2;
    length = token & 15;
    if (length == 15) {
      let more: usize = 255;
      while (more == 255) {
        if (at >= end) return false;
        more = load<u8>(at++);
        length += more;
      }
    }
    length += MIN_MATCH;
    if (distance == 0 || distance > to - start || length > stop - to) return false;
    if (distance >= STEP) copy(to, to - distance, length);
    else if (distance >= HALF_STEP) copyByHalves(to, to - distance, length);
    else if (distance == 1) memory.fill(to, load<u8>(to - 1), length);
    else for (let i: usize = 0; i < length; i++) store<u8>(to + i, load<u8>(to + i - distance));
    to += length;
  }
  return false;
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function copy(to: usize, from: usize, length: usize): void {
  for (let i: usize = 0; i < length; i += STEP) v128.store(to + i, v128.load(from + i));
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function copyByHalves(to: usize, from: usize, length: usize): void {
  for (let i: usize = 0; i < length; i += HALF_STEP) store<u64>(to + i, load<u64>(from + i));
}
