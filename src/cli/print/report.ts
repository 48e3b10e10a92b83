import { KexportError, type Warning } from '../../errors.ts';
import type { EncodeResult } from '../../export/encode.ts';
import type { ImageResult } from '../../export/image.ts';
import { asFlag } from '../options/flags.ts';
import { jsonText } from './lines.ts';
import { formatSize } from './sizes.ts';
import { formatTable } from './table.ts';

/** The report of an export for people: a table of the images. */
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
  const table = formatTable([head, ...rows]);
  const added = result.diskSize - result.sourceSize;
  return added === 0 ? table : `${table}the disk is rounded up by ${added} bytes of zeros\n`;
}

function compressionOf({ encoding }: ImageResult): string {
  if (!encoding) return 'none';
  if (encoding.kind === 'zstd') return `zstd, level ${encoding.level}`;
  const window = formatSize(2 ** encoding.windowBits).replace('.0', '');
  return `zlib, level ${encoding.level}, window ${window}`;
}

/** The report of an export for programs; sizes in bytes. */
export function jsonReport(
  source: string,
  result: EncodeResult,
  warnings: readonly Warning[],
  seconds: number,
): string {
  return jsonText({
    source,
    sourceSize: result.sourceSize,
    virtualSize: result.diskSize,
    seconds: Number(seconds.toFixed(3)),
    images: result.images.map(({ format, name, encoding, length, allocated }) => ({
      format: format.name,
      file: name,
      fileSize: length,
      sizeOnDisk: allocated,
      compression: encoding,
    })),
    failures: result.failures.map(({ target: { format, sink }, error }) => ({
      format: format.name,
      file: sink.name,
      error: errorJson(error),
    })),
    warnings: warnings.map((warning) => ({
      code: warning.code,
      message: warning.inNotation(asFlag),
    })),
  });
}

/** An error for programs. */
export function errorJson(error: Error): object {
  if (!(error instanceof KexportError)) return { code: 'bug', message: error.message };
  const { message, hint } = error.inNotation(asFlag);
  return { code: error.code, message, hint };
}
