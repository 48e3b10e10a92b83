import { host } from '#host';
import { KexportError } from '../errors.ts';
import { hasZstd } from '../compress/zstd.ts';
import type { CompressionChoice, Encoding, Format } from '../../formats/index.ts';

/** What compression is wanted of a run. */
export interface Compression {
  /** `zstd` is for the formats that have it, and for a Node that does; the others take zlib all the same. Default zlib. */
  readonly compression?: 'zlib' | 'zstd' | undefined;
  /** Of the compression asked for: 1 (fastest) to 9 (smallest), zstd to 19. Default DEFAULT_LEVELS. */
  readonly level?: number | undefined;
  /**
   * `size` takes a deflate window of 32 KiB for every format, `speed` one of 4 KiB. Undefined takes the largest that
   * every format of the run takes of itself.
   */
  readonly optimize?: 'size' | 'speed' | undefined;
}

export const DEFAULT_LEVELS = { zlib: 6, zstd: 3 };

/** The smallest that each can do. */
export const MAX_LEVELS = { zlib: 9, zstd: 19 };

/** How the formats of a run have their blocks compressed. */
export interface Encodings {
  /** Each is made once for every block. */
  readonly distinct: readonly Encoding[];
  /** Undefined for a format that stores blocks plain. */
  of(format: Format): Encoding | undefined;
}

/** Throws a KexportError for what makes no sense, or cannot be done by this Node. */
export async function checkCompression(
  formats: readonly Format[],
  options: Compression,
): Promise<void> {
  const { compression = 'zlib', level = 1 } = options;
  const highest = MAX_LEVELS[compression];
  if (!Number.isInteger(level) || level < 1 || level > highest) {
    throw new KexportError('usage', `level ${level} of ${compression} is not 1 to ${highest}`);
  }
  if (compression !== 'zstd') return;
  const levels = levelsOf(options);
  if (!formats.some((format) => format.encoding(levels)?.kind === 'zstd')) {
    const names = formats.map(({ name }) => name).join(' and ');
    throw new KexportError('usage', `zstd is for qcow2 alone: ${names} cannot hold it`);
  }
  const zlib = await host.zlib();
  if (zlib && hasZstd(zlib)) return;
  throw new KexportError('unsupported', `${host.name} has no zstd`, {
    hint: 'Node 22.15 and newer have it; without --compression it is zlib, which every QEMU reads',
  });
}

/** Gives formats that can share an encoding the same one. */
export function chooseEncodings(formats: readonly Format[], compression: Compression): Encodings {
  const levels = levelsOf(compression);
  const choice = { ...levels, windowBits: windowOf(formats, levels, compression.optimize) };
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

/** The level of each that a run takes: one of zstd's own, above 9, is 9 for the zlib beside it. */
export function levelsOf({ compression = 'zlib', level }: Compression): CompressionChoice {
  const zlibLevel = Math.min(level ?? DEFAULT_LEVELS.zlib, MAX_LEVELS.zlib);
  if (compression === 'zlib') return { level: zlibLevel };
  return { level: zlibLevel, zstdLevel: level ?? DEFAULT_LEVELS.zstd };
}

function windowOf(
  formats: readonly Format[],
  levels: CompressionChoice,
  optimize: Compression['optimize'],
): 12 | 15 {
  if (optimize !== undefined) return optimize === 'size' ? 15 : 12;
  const own = formats.map((format) => format.encoding(levels));
  return own.some((encoding) => encoding?.kind === 'zlib' && encoding.windowBits === 12) ? 12 : 15;
}

function isSame(one: Encoding, other: Encoding): boolean {
  if (one.kind === 'zstd' || other.kind === 'zstd') {
    return one.kind === other.kind && one.level === other.level;
  }
  return one.windowBits === other.windowBits && one.level === other.level;
}
