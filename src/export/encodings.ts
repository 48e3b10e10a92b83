import { host } from '#host';
import { hasZstd } from '../compress/zstd.ts';
import { KexportError, option, wording } from '../errors.ts';
import type { CompressionChoice, Encoding, Format } from '../../formats/index.ts';

/** What compression is wanted of a run. */
export type Compression = CompressionOptions & (ZlibCompression | ZstdCompression);

/** Options of zlib, and of the formats that take it beside one of zstd. */
export interface CompressionOptions {
  /**
   * `size` takes a deflate window of 32 KiB for every format, `speed` one of 4 KiB. Undefined takes the largest that
   * every format of the run takes of itself.
   */
  readonly optimize?: 'size' | 'speed' | undefined;
}

/** Streams of zlib, which every reader of the formats takes. */
export interface ZlibCompression {
  /** Default zlib. */
  readonly compression?: 'zlib' | undefined;
  /** Default 6. */
  readonly level?: ZlibLevel | undefined;
}

/**
 * Frames of zstd for the formats that have it, by a Node that does (22.15); the others take zlib
 * all the same.
 */
export interface ZstdCompression {
  /** `zstd`: needs qcow2 among the formats. */
  readonly compression: 'zstd';
  /** Default 3. Above 9 it is 9 for the zlib of the other formats. */
  readonly level?: ZstdLevel | undefined;
}

/** 1 (fastest) to 9 (smallest). */
export type ZlibLevel = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9;

/** 1 (fastest) to 19 (smallest). */
export type ZstdLevel = ZlibLevel | 10 | 11 | 12 | 13 | 14 | 15 | 16 | 17 | 18 | 19;

const ZLIB_LEVELS: readonly ZlibLevel[] = [1, 2, 3, 4, 5, 6, 7, 8, 9];
const ZSTD_LEVELS: readonly ZstdLevel[] = [...ZLIB_LEVELS, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19];

/** The level that is taken where none is given. */
export const DEFAULT_LEVELS = {
  /** Of 9. */
  zlib: 6,
  /** Of 19. */
  zstd: 3,
} as const;

/** The same before anybody has looked whether the level is one of that compression. */
export interface UncheckedCompression extends CompressionOptions {
  readonly compression?: 'zlib' | 'zstd' | undefined;
  readonly level?: number | undefined;
}

/** Throws a KexportError `usage` for a level that the compression does not have. */
export function compressionOf({ optimize, ...options }: UncheckedCompression): Compression {
  const { compression = 'zlib', level } = options;
  return compression === 'zlib'
    ? { compression, level: zlibLevelOf(level), optimize }
    : { compression, level: levelOf(compression, ZSTD_LEVELS, level), optimize };
}

/** The same for zlib alone. */
export function zlibLevelOf(level: number | undefined): ZlibLevel | undefined {
  return levelOf('zlib', ZLIB_LEVELS, level);
}

function levelOf<Level extends number>(
  compression: string,
  levels: readonly Level[],
  wanted: number | undefined,
): Level | undefined {
  const found = levels.find((level) => level === wanted);
  if (wanted === undefined || found !== undefined) return found;
  const what = `level ${wanted} of ${compression} is not 1 to ${levels.length}`;
  throw new KexportError('usage', what);
}

/** How the formats of a run have their blocks compressed. */
export interface Encodings {
  /** Each is made once for every block. */
  readonly distinct: readonly Encoding[];
  /** Undefined for a format that stores blocks plain. */
  of(format: Format): Encoding | undefined;
}

/** Throws a KexportError for what makes no sense, or cannot be done by this Node. */
export function checkCompression(formats: readonly Format[], options: UncheckedCompression): void {
  const { compression } = compressionOf(options);
  if (compression !== 'zstd') return;
  const levels = levelsOf(options);
  if (!formats.some((format) => format.encoding(levels)?.kind === 'zstd')) {
    const names = formats.map(({ name }) => name).join(' and ');
    throw new KexportError('usage', `zstd is for qcow2 alone: ${names} cannot hold it`);
  }
  const zlib = host.zlib();
  if (zlib && hasZstd(zlib)) return;
  throw new KexportError('unsupported', `${host.name} has no zstd`, {
    hint: wording`Node 22.15 and newer have it; without ${option('compression')} it is zlib, which every QEMU reads`,
  });
}

/** Gives formats that can share an encoding the same one. */
export function chooseEncodings(
  formats: readonly Format[],
  compression: UncheckedCompression,
): Encodings {
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
export function levelsOf({ compression = 'zlib', level }: UncheckedCompression): CompressionChoice {
  const zlibLevel = Math.min(level ?? DEFAULT_LEVELS.zlib, ZLIB_LEVELS.length);
  if (compression === 'zlib') return { level: zlibLevel };
  return { level: zlibLevel, zstdLevel: level ?? DEFAULT_LEVELS.zstd };
}

function windowOf(
  formats: readonly Format[],
  levels: CompressionChoice,
  optimize: CompressionOptions['optimize'],
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
