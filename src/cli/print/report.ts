import { host } from '#host';
import type { Warning } from '../../errors.ts';
import { resolve } from 'node:path';
import type { EncodeResult } from '../../export/encode.ts';
import type { ImageResult } from '../../export/image.ts';
import { isRemote } from '../../remote/open-remote.ts';
import type { ExportResult } from '../export/export-images.ts';
import type { Options } from '../options/options.ts';
import { errorJson, warningJson } from './error.ts';
import { jsonText } from './lines.ts';
import { formatSize } from './sizes.ts';
import { formatHeadedTable } from './table.ts';

/** The report of an export: a table of the images. */
export function formatReport(result: EncodeResult, seconds: number): string {
  const rows = result.images.map((image) => [
    image.format.name,
    image.name,
    formatSize(result.diskSize),
    formatSize(image.allocated),
    `${seconds.toFixed(1)} s`,
    compressionOf(image),
  ]);
  const head = ['FORMAT', 'FILE', 'VIRTUAL SIZE', 'SIZE ON DISK', 'TIME', 'COMPRESSION'];
  const table = formatHeadedTable('stderr', [head, ...rows]);
  const added = result.diskSize - result.sourceSize;
  return added === 0 ? table : `${table}the disk is rounded up by ${added} bytes of zeros\n`;
}

function compressionOf({ encoding }: ImageResult): string {
  if (!encoding) return 'none';
  if (encoding.kind === 'zstd') return `zstd, level ${encoding.level}`;
  const window = formatSize(2 ** encoding.windowBits).replace('.0', '');
  return `zlib, level ${encoding.level}, window ${window}`;
}

/** What a report is made of. */
export interface ReportedRun {
  readonly source: string;
  readonly options: Options;
  readonly result: ExportResult;
  readonly warnings: readonly Warning[];
  readonly seconds: number;
}

/** The report of an export for --json; sizes in bytes. */
export function jsonReport({ source, options, result, warnings, seconds }: ReportedRun): string {
  return jsonText({
    version: host.version(),
    source,
    options,
    sourceSize: result.sourceSize,
    virtualSize: result.diskSize,
    seconds: Number(seconds.toFixed(3)),
    images: result.images.map(({ format, name, encoding, length, allocated, ids }) => ({
      format: format.name,
      file: name,
      path: isRemote(name) ? name : resolve(name),
      ids,
      sha256: result.sha256.get(name),
      fileSize: length,
      sizeOnDisk: allocated,
      compression: encoding && { ...encoding, isJoinable: undefined }, // of no use to people
    })),
    failures: result.failures.map(({ target: { format, sink }, error }) => ({
      format: format.name,
      file: sink.name,
      error: errorJson(error),
    })),
    warnings: warnings.map(warningJson),
  });
}
