// An inflater that trusts nothing: reads a zlib stream token by token, straight from RFC 1950 and
// 1951, and reports its blocks and matches.

/** The content of a zlib stream. */
export interface Walked {
  readonly bytes: Buffer;
  /** Base-2 logarithm of the window that the header states. */
  readonly windowBits: number;
  /** Farthest distance of a match, 0 if there is none. */
  readonly farthest: number;
  /** Lengths of all matches. */
  readonly lengths: ReadonlySet<number>;
  /** BTYPE of each block: 0 stored, 1 fixed codes, 2 dynamic codes. */
  readonly blocks: readonly number[];
}

const CODE_LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/**
 * A canonical code (RFC 1951, section 3.2.2): its symbols by a `1` and the bits of the code, else
 * -1.
 */
type Code = Int16Array;

/** Throws if the stream is anything but whole, well-formed and at its end. */
export function walk(stream: Uint8Array): Walked {
  let position = 16;
  const bit = () => {
    const byte = stream[position >> 3];
    if (byte === undefined) throw new Error('the stream is cut off');
    return (byte >> (position++ & 7)) & 1;
  };
  const bits = (count: number) => {
    let value = 0;
    for (let i = 0; i < count; i++) value |= bit() << i;
    return value;
  };
  const symbol = (code: Code) => {
    for (let key = 1, length = 0; length < 15; length++) {
      key = (key << 1) | bit();
      const found = code[key] ?? -1;
      if (found !== -1) return found;
    }
    throw new Error('no such code');
  };

  const [cmf = 0, flags = 0] = stream;
  if ((cmf & 15) !== 8 || ((cmf << 8) | flags) % 31 || flags & 0x20) throw new Error('bad header');
  const out: number[] = [];
  const lengths = new Set<number>();
  const blocks: number[] = [];
  let farthest = 0;

  const copy = (lengthCode: number) => {
    const [lengthBase, lengthExtra] = lengthOf(lengthCode);
    const length = lengthBase + bits(lengthExtra);
    const [distanceBase, distanceExtra] = distanceOf(symbol(distances));
    const distance = distanceBase + bits(distanceExtra);
    if (distance > out.length) throw new Error(`distance ${distance} at ${out.length}`);
    lengths.add(length);
    farthest = Math.max(farthest, distance);
    for (let i = 0; i < length; i++) out.push(out[out.length - distance] ?? 0);
  };

  let distances: Code = new Int16Array();
  for (let last = 0; !last;) {
    last = bit();
    const type = bits(2);
    blocks.push(type);
    if (type === 0) {
      position = (position + 7) & ~7;
      const length = bits(16);
      if (bits(16) !== (length ^ 0xffff)) throw new Error('a stored block of two lengths');
      for (let i = 0; i < length; i++) out.push(bits(8));
      continue;
    }
    if (type === 3) throw new Error('a reserved block');
    const [literals, others] = type === 1 ? FIXED_CODES : dynamicCodes(bits, symbol);
    distances = others;
    for (let next = symbol(literals); next !== 256; next = symbol(literals)) {
      if (next < 256) out.push(next);
      else copy(next);
    }
  }
  position = (position + 7) & ~7;
  const bytes = Buffer.from(out);
  const check = Buffer.from(stream).readUInt32BE(position >> 3);
  if (check !== adler32(bytes)) throw new Error('bad Adler-32');
  if ((position >> 3) + 4 !== stream.length) throw new Error('something follows the stream');
  return { bytes, windowBits: (cmf >> 4) + 8, farthest, lengths, blocks };
}

// Section 3.2.6.
const FIXED_LENGTHS = Array.from({ length: 288 }, (_, i) =>
  i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8,
);
const FIXED_CODES = [codeOf(FIXED_LENGTHS), codeOf(new Array<number>(30).fill(5), false)] as const;

// Section 3.2.7.
function dynamicCodes(
  bits: (count: number) => number,
  symbol: (code: Code) => number,
): [Code, Code] {
  const literalCount = bits(5) + 257;
  const distanceCount = bits(5) + 1;
  const orderCount = bits(4) + 4;
  if (literalCount > 286 || distanceCount > 30) throw new Error('too many codes');
  const codeLengths = new Array<number>(19).fill(0);
  for (const place of CODE_LENGTH_ORDER.slice(0, orderCount)) codeLengths[place] = bits(3);
  const code = codeOf(codeLengths);
  const lengths: number[] = [];
  while (lengths.length < literalCount + distanceCount) {
    const next = symbol(code);
    if (next < 16) lengths.push(next);
    else if (next === 16) {
      const before = lengths.at(-1);
      if (before === undefined) throw new Error('nothing to repeat');
      lengths.push(...new Array<number>(3 + bits(2)).fill(before));
    } else {
      const count = next === 17 ? 3 + bits(3) : 11 + bits(7);
      lengths.push(...new Array<number>(count).fill(0));
    }
  }
  if (lengths.length > literalCount + distanceCount) throw new Error('too many code lengths');
  if (!lengths[256]) throw new Error('no code for the end of the block');
  return [codeOf(lengths.slice(0, literalCount)), codeOf(lengths.slice(literalCount))];
}

// Section 3.2.2. Codes must be complete: the strictest inflaters ask for that.
function codeOf(lengths: readonly number[], complete = true): Code {
  const code = new Int16Array(1 << 16).fill(-1);
  let next = 0;
  let space = 1;
  for (let length = 1; length <= 15; length++) {
    next <<= 1;
    lengths.forEach((other, symbol) => {
      if (other !== length) return;
      code[(1 << length) | next++] = symbol;
      space -= 2 ** -length;
    });
  }
  if (space < 0 || (complete && space !== 0)) throw new Error('not a complete code');
  return code;
}

// Section 3.2.5: the shortest length of a code, and its extra bits.
function lengthOf(symbol: number): [number, number] {
  if (symbol > 285) throw new Error(`no such length code: ${symbol}`);
  if (symbol === 285) return [258, 0];
  const index = symbol - 257;
  if (index < 8) return [3 + index, 0];
  const extra = (index >> 2) - 1;
  return [3 + ((4 + (index & 3)) << extra), extra];
}

function distanceOf(symbol: number): [number, number] {
  if (symbol > 29) throw new Error(`no such distance code: ${symbol}`);
  if (symbol < 4) return [1 + symbol, 0];
  const extra = (symbol >> 1) - 1;
  return [1 + ((2 + (symbol & 1)) << extra), extra];
}

// RFC 1950, section 8.2.
function adler32(bytes: Uint8Array): number {
  let a = 1;
  let b = 0;
  for (const byte of bytes) {
    a = (a + byte) % 65_521;
    b = (b + a) % 65_521;
  }
  return ((b << 16) | a) >>> 0;
}
