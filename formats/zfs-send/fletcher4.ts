// Fletcher-4: four running sums modulo 2^64 over words of 32 bits, each the sum of the values of
// the one before. Source: OpenZFS, module/zcommon/zfs_fletcher.c. Here 64 words at a time are
// summed in doubles, which hold these sums A B C D exactly; after n words they are added to the
// total:
//   a' = a + A,   b' = b + n a + B,   c' = c + n b + n(n+1)/2 a + C,
//   d' = d + n c + n(n+1)/2 b + n(n+1)(n+2)/6 a + D

import { viewOf } from '../struct.ts';

/** The checksum of all bytes so far. */
export interface RunningChecksum {
  /** Starts a new checksum over words in a byte order. */
  reset(endian: 'big' | 'little'): void;
  /** Adds bytes; their number is a multiple of 4. */
  update(bytes: Uint8Array): void;
  /** The four sums. */
  value(): readonly bigint[];
}

/** Bytes of a checksum. */
export const CHECKSUM_SIZE = 32;

/** Whether the bytes in a stream of a byte order are the checksum. */
export function isChecksum(
  stored: Uint8Array,
  checksum: RunningChecksum,
  endian: 'big' | 'little',
): boolean {
  const view = viewOf(stored);
  return checksum.value().every((sum, i) => view.getBigUint64(8 * i, endian === 'little') === sum);
}

// The largest sum of this many words is below 2^53.
const WORDS_AT_ONCE = 64;
const BYTES_AT_ONCE = 4 * WORDS_AT_ONCE;
const TWO_32 = 2 ** 32;

/** Fletcher-4 in plain JavaScript, about 1 GB/s. */
export function fletcher4(): RunningChecksum {
  const sums: Sums = [zero(), zero(), zero(), zero()];
  let littleEndian = true;
  return {
    reset(endian) {
      littleEndian = endian === 'little';
      for (const sum of sums) sum.high = sum.low = 0;
    },
    update(bytes) {
      const view = viewOf(bytes);
      for (let at = 0; at < bytes.length; at += BYTES_AT_ONCE) {
        const end = Math.min(at + BYTES_AT_ONCE, bytes.length);
        addWords(sums, view, at, end, littleEndian);
      }
    },
    value: () => sums.map(({ high, low }) => (BigInt(high) << 32n) + BigInt(low)),
  };
}

/** One of the four sums, in halves of 32 bits. */
interface Sum {
  high: number;
  low: number;
}

type Sums = readonly [a: Sum, b: Sum, c: Sum, d: Sum];

function zero(): Sum {
  return { high: 0, low: 0 };
}

function addWords(
  [a, b, c, d]: Sums,
  view: DataView,
  start: number,
  end: number,
  littleEndian: boolean,
): void {
  let ownA = 0;
  let ownB = 0;
  let ownC = 0;
  let ownD = 0;
  for (let at = start; at < end; at += 4) {
    ownA += view.getUint32(at, littleEndian);
    ownB += ownA;
    ownC += ownB;
    ownD += ownC;
  }
  const n = (end - start) / 4;
  const n2 = (n * (n + 1)) / 2;
  const n3 = (n2 * (n + 2)) / 3;
  add(d, ownD, n * c.high + n2 * b.high + n3 * a.high, n * c.low + n2 * b.low + n3 * a.low);
  add(c, ownC, n * b.high + n2 * a.high, n * b.low + n2 * a.low);
  add(b, ownB, n * a.high, n * a.low);
  add(a, ownA, 0, 0);
}

/** Adds two numbers to a sum; the halves of the second may be larger than 32 bits. */
function add(sum: Sum, own: number, high: number, low: number): void {
  const ownHigh = Math.floor(own / TWO_32);
  const lows = sum.low + (own - ownHigh * TWO_32) + low;
  const carry = Math.floor(lows / TWO_32);
  const highs = sum.high + ownHigh + high + carry;
  sum.low = lows - carry * TWO_32;
  sum.high = highs % TWO_32;
}
