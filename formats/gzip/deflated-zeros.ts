// Zeros as deflate blocks that are ready-made: nothing is compressed. A block of zeros is some
// literals and then matches of 258 bytes, 2 bits each. RFC 1951, section 3.2.7.

const MATCH = 258;
/** Zeros that one block stands for: it begins and ends at a byte. */
const UNIT = 2 ** 20;
/** Blocks that are written at a time. */
const UNITS_PER_PIECE = 64;

/** A number of zeros, deflated: `length` bytes in pieces. */
export interface DeflatedZeros {
  readonly length: number;
  readonly pieces: () => Iterable<Uint8Array>;
}

let unit: Uint8Array | undefined;
let units: Uint8Array | undefined;

/** Deflates `count` zeros. The blocks are not the last of a stream. */
export function deflatedZeros(count: number): DeflatedZeros {
  const whole = Math.floor(count / UNIT);
  const rest = count % UNIT === 0 ? new Uint8Array() : zerosBlock(count % UNIT);
  const one = (unit ??= zerosBlock(UNIT));
  return {
    length: whole * one.length + rest.length,
    *pieces() {
      const many = (units ??= repeated(one, UNITS_PER_PIECE));
      for (let left = whole; left > 0; left -= UNITS_PER_PIECE) {
        yield many.subarray(0, Math.min(left, UNITS_PER_PIECE) * one.length);
      }
      yield rest;
    },
  };
}

function repeated(bytes: Uint8Array, times: number): Uint8Array {
  const all = new Uint8Array(bytes.length * times);
  for (let i = 0; i < times; i++) all.set(bytes, i * bytes.length);
  return all;
}

// The codes of the block: the shortest for the match, so that a MiB takes a KiB.
const DYNAMIC = 2;
const CODE_OF_MATCH = [0, 1] as const; // symbol 285
const CODE_OF_ZERO = [0b01, 2] as const; // symbol 0; codes are written from their highest bit on
const CODE_OF_END = [0b11, 2] as const; // symbol 256
const CODE_OF_DISTANCE_1 = [0, 1] as const;

/** `count` zeros, at least one, as a block, and an empty stored block up to the next byte. */
function zerosBlock(count: number): Uint8Array {
  const literals = count % MATCH || MATCH;
  const bits = bitWriter();
  putCodes(bits.put);
  for (let i = 0; i < literals; i++) bits.put(...CODE_OF_ZERO);
  for (let i = literals; i < count; i += MATCH) {
    bits.put(...CODE_OF_MATCH);
    bits.put(...CODE_OF_DISTANCE_1);
  }
  bits.put(...CODE_OF_END);
  bits.put(0, 3); // stored, not the last
  return Uint8Array.from([...bits.bytes(), 0, 0, 0xff, 0xff]);
}

/** The lengths of the codes above: 0 has 2 bits, 256 has 2, 285 has 1, and so has the distance. */
function putCodes(put: PutBits): void {
  const [one, two, run] = [
    [0b01, 2],
    [0b11, 2],
    [0, 1], // symbol 18: 11 to 138 symbols without a code
  ] as const;
  put(0, 1); // not the last block
  put(DYNAMIC, 2);
  put(286 - 257, 5); // HLIT
  put(1 - 1, 5); // HDIST
  put(18 - 4, 4); // HCLEN: in the order 16, 17, 18, 0, 8 ... 2, 14, 1
  for (const length of [0, 0, 1, ...Array<number>(12).fill(0), 2, 0, 2]) put(length, 3);
  const skip = (symbols: number) => {
    put(...run);
    put(symbols - 11, 7);
  };
  put(...two);
  skip(138);
  skip(117);
  put(...two);
  skip(28);
  put(...one);
  put(...one);
}

type PutBits = (value: number, count: number) => void;

/** Section 3.1.1: the lowest bit of a byte comes first. */
function bitWriter() {
  const done: number[] = [];
  let pending = 0;
  let pendingCount = 0;
  const put: PutBits = (value, count) => {
    pending |= value << pendingCount;
    for (pendingCount += count; pendingCount >= 8; pendingCount -= 8) {
      done.push(pending & 0xff);
      pending >>>= 8;
    }
  };
  return { put, bytes: () => (pendingCount === 0 ? done : [...done, pending]) };
}
