import { host } from '#host';
import { hasZstd } from '../compress/zstd.ts';
import { KexportError, option, wording } from '../errors.ts';
import type { CompressionChoice, Encoding, Format } from '../../formats/index.ts';

/** The compression of an export. */
export type Compression = CompressionOptions & (ZlibCompression | ZstdCompression);

/** Options of zlib, which also hold for the formats of a zstd export that cannot use zstd. */
export interface CompressionOptions {
  /**
   * `size` uses a deflate window of 32 KiB for every format, `speed` one of 4 KiB. Default: the
   * largest window that is no larger than the default of any of the formats.
   */
  readonly optimize?: 'size' | 'speed' | undefined;
}

/** Compression by zlib, which every reader of the formats supports. */
export interface ZlibCompression {
  /** Default zlib. */
  readonly compression?: 'zlib' | undefined;
  /** Default 6. */
  readonly level?: ZlibLevel | undefined;
}

/**
 * Compression by zstd for the formats that support it; the others still use zlib. Needs Node 22.15
 * or newer.
 */
export interface ZstdCompression {
  /** `zstd`: needs qcow2 or raw.zst among the formats. */
  readonly compression: 'zstd';
  /** Default 3. Levels above 9 become 9 for the formats that use zlib. */
  readonly level?: ZstdLevel | undefined;
}

/** 1 (fastest) to 9 (smallest). */
export type ZlibLevel = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9;

/** 1 (fastest) to 19 (smallest). */
export type ZstdLevel = ZlibLevel | 10 | 11 | 12 | 13 | 14 | 15 | 16 | 17 | 18 | 19;

const ZLIB_LEVELS: readonly ZlibLevel[] = [1, 2, 3, 4, 5, 6, 7, 8, 9];
const ZSTD_LEVELS: readonly ZstdLevel[] = [...ZLIB_LEVELS, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19];

/** The default levels. */
export const DEFAULT_LEVELS = {
  /** Of 9. */
  zlib: 6,
  /** Of 19. */
  zstd: 3,
} as const;

/** The same, but with a level that is not checked yet. */
export interface UncheckedCompression extends CompressionOptions {
  readonly compression?: 'zlib' | 'zstd' | undefined;
  readonly level?: number | undefined;
}

/** Checks the level. Throws a KexportError `usage` for one that the compression does not have. */
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

/** The encodings of the blocks for the formats of an export. */
export interface Encodings {
  /** The distinct encodings. Every block is compressed once to each. */
  readonly distinct: readonly Encoding[];
  /** Undefined for a format that stores blocks plain. */
  of(format: Format): Encoding | undefined;
}

/** Throws a KexportError if the formats cannot use the compression, or this Node cannot run it. */
export function checkCompression(formats: readonly Format[], options: UncheckedCompression): void {
  const { compression } = compressionOf(options);
  const levels = levelsOf(options);
  const withZstd = formats.filter((format) => format.encoding(levels)?.kind === 'zstd');
  if (withZstd.length === 0) {
    if (compression !== 'zstd') return;
    const names = formats.map(({ name }) => name).join(' and ');
    throw new KexportError('usage', `zstd is for qcow2 and raw.zst: ${names} cannot hold it`);
  }
  const zlib = host.zlib();
  if (zlib && hasZstd(zlib)) return;
  const newer = 'Node 22.15 and newer have it';
  const always = withZstd.find((format) => format.encoding({ level: 1 })?.kind === 'zstd');
  throw new KexportError('unsupported', `${host.name} has no zstd`, {
    hint: always
      ? `${newer}; or pipe a raw disk through zstd: kexport raw DISK -o - | zstd -T0`
      : wording`${newer}; without ${option('compression')} it is zlib, which every QEMU reads`,
  });
}

/** Chooses an encoding for each format, the same object for formats with equal encodings. */
export function chooseEncodings(
  formats: readonly Format[],
  compression: UncheckedCompression,
): Encodings {
  const levels = levelsOf(compression);
  const choice = { ...levels, windowBits: windowOf(formats, levels, compression.optimize) };
  const distinct: Encoding[] = [];
  const chosen = new Map<Format, Encoding>();
  const isJoinable = formats.some((format) => isJoined(format.encoding(choice)));
  for (const format of formats) {
    const own = format.encoding(choice);
    if (!own) continue;
    // Every reader takes streams that can be joined, so one form serves all formats.
    const wanted = isJoinable && own.kind === 'zlib' ? { ...own, isJoinable } : own;
    const shared = distinct.find((other) => isSame(other, wanted)) ?? wanted;
    if (shared === wanted) distinct.push(wanted);
    chosen.set(format, shared);
  }
  return { distinct, of: (format) => chosen.get(format) };
}

/** The levels of zlib and zstd in an export. Levels of zstd above 9 become 9 for zlib. */
export function levelsOf({ compression = 'zlib', level }: UncheckedCompression): CompressionChoice {
  const zlibLevel = Math.min(level ?? DEFAULT_LEVELS.zlib, ZLIB_LEVELS.length);
  if (compression === 'zlib') return { level: zlibLevel, zstdLevel: level };
  return { level: zlibLevel, zstdLevel: level ?? DEFAULT_LEVELS.zstd, prefersZstd: true };
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

function isJoined(encoding: Encoding | undefined): boolean {
  return encoding?.kind === 'zlib' && encoding.isJoinable === true;
}

function isSame(one: Encoding, other: Encoding): boolean {
  if (one.kind === 'zstd' || other.kind === 'zstd') {
    return one.kind === other.kind && one.level === other.level;
  }
  return one.windowBits === other.windowBits && one.level === other.level;
}
