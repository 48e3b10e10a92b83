import type { CompressionChoice, Encoding, Format } from '../formats/index.ts';

/** What compression is wanted of a run. */
export interface Compression {
  /** 1 (fastest) to 9 (smallest). */
  readonly level: number;
  /**
   * `size` takes a deflate window of 32 KiB for every format, `speed` one of 4 KiB. Undefined takes the largest that
   * every format of the run takes of itself.
   */
  readonly optimize?: 'size' | 'speed' | undefined;
}

/** How the formats of a run have their blocks compressed. */
export interface Encodings {
  /** Each is made once for every block. */
  readonly distinct: readonly Encoding[];
  /** Undefined for a format that stores blocks plain. */
  of(format: Format): Encoding | undefined;
}

/** Gives formats that can share an encoding the same one. */
export function chooseEncodings(
  formats: readonly Format[],
  { level, optimize }: Compression,
): Encodings {
  const choice: CompressionChoice = { level, windowBits: windowOf(formats, level, optimize) };
  const distinct: Encoding[] = [];
  const chosen = new Map<Format, Encoding>();
  for (const format of formats) {
    const wanted = format.encoding(choice);
    if (!wanted) continue;
    const shared = distinct.find((other) => isSame(other, wanted)) ?? wanted;
    if (shared === wanted) distinct.push(wanted);
    chosen.set(format, shared);
  }
  return { distinct, of: (format) => chosen.get(format) };
}

function windowOf(
  formats: readonly Format[],
  level: number,
  optimize: Compression['optimize'],
): 12 | 15 {
  if (optimize !== undefined) return optimize === 'size' ? 15 : 12;
  const own = formats.map((format) => format.encoding({ level })?.windowBits);
  return own.includes(12) ? 12 : 15;
}

function isSame(one: Encoding, other: Encoding): boolean {
  return one.windowBits === other.windowBits && one.level === other.level;
}
