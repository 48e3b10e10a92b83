/** Which bit of a byte stands for the first of eight sectors. */
export type FirstBit = 'highest' | 'lowest';

/** Runs of sectors whose bits are set, of the first `count` of a bitmap. */
export function* runsOf(
  bitmap: Uint8Array,
  count: number,
  firstBit: FirstBit,
): Generator<[start: number, count: number]> {
  let start = -1;
  for (let i = 0; i < count; i++) {
    const byte = bitmap[i >> 3]!; // there are as many bits as sectors
    if (i % 8 === 0 && i + 8 <= count && byte === (start === -1 ? 0x00 : 0xff)) {
      i += 7; // eight like the one before
      continue;
    }
    const bit = firstBit === 'highest' ? 0x80 >> (i % 8) : 1 << (i % 8);
    const isSet = (byte & bit) !== 0;
    if (isSet && start === -1) start = i;
    if (!isSet && start !== -1) {
      yield [start, i - start];
      start = -1;
    }
  }
  if (start !== -1) yield [start, count - start];
}
