// The output as bits, lowest bit of each byte first (RFC 1951, section 3.1.1).

/** Bits not stored yet, and how many: below 8 whenever nobody is adding. */
export let pending: u64 = 0;
export let pendingCount: u32 = 0;
/** Where the next whole byte goes. */
export let outputAt: usize = 0;

/** Starts at an address. */
export function openBits(at: usize): void {
  setBits(0, 0, at);
}

/** Takes the state back from a loop that kept it in locals. */
export function setBits(bits: u64, count: u32, at: usize): void {
  pending = bits;
  pendingCount = count;
  outputAt = at;
}

/** Adds up to 56 bits. */
export function putBits(bits: u64, count: u32): void {
  pending |= bits << pendingCount;
  pendingCount += count;
  store<u64>(outputAt, pending);
  outputAt += pendingCount >> 3;
  pending >>= pendingCount & 0x38;
  pendingCount &= 7;
}

/** Fills the last byte with zeros. */
export function alignToByte(): void {
  if (pendingCount) putBits(0, 8 - pendingCount);
}

/** Copies bytes; only after `alignToByte`. */
export function putBytes(from: usize, count: usize): void {
  memory.copy(outputAt, from, count);
  outputAt += count;
}
