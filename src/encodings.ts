import type { CompressionChoice, Encoding, Format } from '../formats/index.ts';

/** What compression is wanted of a run. */
export interface Compression {
  /** 1 (fastest) to 9 (smallest). */
  readonly level: number;
  /**
   * `size` takes a deflate window of 32 KiB for every format, `speed` one of 4 KiB. Undefined takes the largest that
   * suits every format of the run.
   */
  readonly optimize?: 'size' | 'speed' | undefined;
}

/** The encoding of each format, by its place: formats that can share one do. Undefined for those that store blocks plain. */
export function chooseEncodings(
  formats: readonly Format[],
  { level, optimize }: Compression,
): (Encoding | undefined)[] {
  const choice: CompressionChoice = { level, windowBits: windowOf(formats, level, optimize) };
  const distinct: Encoding[] = [];
  return formats.map((format) => {
    const wanted = format.encoding(choice);
    if (!wanted) return undefined;
    const found = distinct.find((other) => isSame(other, wanted));
    if (!found) distinct.push(wanted);
    return found ?? wanted;
  });
}

function windowOf(
  formats: readonly Format[],
  level: number,
  optimize: Compression['optimize'],
): 12 | 15 {
  if (optimize !== undefined) return optimize === 'size' ? 15 : 12;
  const wanted = formats.map((format) => format.encoding({ level })?.windowBits);
  return wanted.includes(12) ? 12 : 15;
}

function isSame(one: Encoding, other: Encoding): boolean {
  return one.windowBits === other.windowBits && one.level === other.level;
}
