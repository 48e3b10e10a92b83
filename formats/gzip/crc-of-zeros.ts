// What zeros do to a CRC-32, without reading them. The register of the CRC is a polynomial over
// GF(2), its highest bit the coefficient of x^0, and a byte of zeros multiplies it by x^8.

const POLYNOMIAL = 0xedb88320; // of IEEE 802.3, its bits reversed
const ONE = 0x8000_0000;
const X8 = 0x0080_0000;

/** The CRC-32 of some bytes and `count` zeros after them; `crc` is that of the bytes. */
export function crcWithZeros(crc: number, count: number): number {
  return ~multiply(power(X8, count), ~crc) >>> 0; // a CRC is stored inverted
}

function power(base: number, exponent: number): number {
  let result = ONE;
  let square = base;
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = multiply(result, square);
    square = multiply(square, square);
  }
  return result;
}

/** The product modulo POLYNOMIAL. */
function multiply(one: number, other: number): number {
  let product = 0;
  let term = other;
  for (let bit = ONE; bit !== 0; bit >>>= 1) {
    if ((one & bit) !== 0) product ^= term;
    term = (term & 1) !== 0 ? (term >>> 1) ^ POLYNOMIAL : term >>> 1;
  }
  return product;
}
