import { host } from '#host';
import type { Warning } from '../../errors.ts';
import { resolve } from 'node:path';
import type { ImageResult } from '../../export/image.ts';
import { isRemote } from '../../remote/open-remote.ts';
import type { ExportResult } from '../export/export-images.ts';
import type { Options } from '../options/options.ts';
import { errorJson, warningJson } from './error.ts';
import { jsonText } from './lines.ts';
import { printable } from './printable.ts';
import { formatSize } from './sizes.ts';
import { formatHeadedTable } from './table.ts';

/** The report of an export: a table of the images. */
export function formatReport({ sources, result, seconds }: ReportedRun): string {
  const rowOf = (image: ImageResult, diskSize: number) => [
    image.format.name,
    image.name,
    formatSize(diskSize),
    formatSize(image.allocated),
    `${seconds.toFixed(1)} s`,
    compressionOf(image),
  ];
  const { disks, machines } = result;
  const all = disks.reduce((sum, { diskSize }) => sum + diskSize, 0);
  const rows = [
    ...disks.flatMap(({ images, diskSize }) => images.map((image) => rowOf(image, diskSize))),
    ...machines.map((image) => rowOf(image, all)),
  ];
  const head = ['FORMAT', 'FILE', 'VIRTUAL SIZE', 'SIZE ON DISK', 'TIME', 'COMPRESSION'];
  const rounded = disks.map(({ diskSize, sourceSize }, index) => {
    const name = disks.length === 1 ? 'the disk' : printable(sources[index] ?? '');
    const added = diskSize - sourceSize;
    return added === 0 ? '' : `${name} is rounded up by ${added} bytes of zeros\n`;
  });
  return formatHeadedTable('stderr', [head, ...rows]) + rounded.join('');
}

/** All images of a run, each with the number of its disk; that of one disk has none. */
export function imagesOf({ disks, machines }: ExportResult): NumberedImage[] {
  const numberOf = (index: number) => (disks.length === 1 ? undefined : index + 1);
  const ofDisks = disks.flatMap(({ images }, index) =>
    images.map((image) => ({ ...image, disk: numberOf(index) })),
  );
  return [...ofDisks, ...machines.map((image) => ({ ...image, disk: undefined }))];
}

interface NumberedImage extends ImageResult {
  readonly disk: number | undefined;
}

function compressionOf({ encoding }: ImageResult): string {
  if (!encoding) return 'none';
  if (encoding.kind === 'zstd') return `zstd, level ${encoding.level}`;
  const window = formatSize(2 ** encoding.windowBits).replace('.0', '');
  return `zlib, level ${encoding.level}, window ${window}`;
}

/** What a report is made of. */
export interface ReportedRun {
  /** Names of the disks. */
  readonly sources: readonly string[];
  readonly options: Options;
  readonly result: ExportResult;
  readonly warnings: readonly Warning[];
  readonly seconds: number;
}

/** The report of an export for --json; sizes in bytes. */
export function jsonReport(run: ReportedRun): string {
  const { sources, options, result, warnings, seconds } = run;
  const disks = result.disks.map(({ sourceSize, diskSize }, index) => ({
    source: sources[index],
    sourceSize,
    virtualSize: diskSize,
  }));
  return jsonText({
    version: host.version(),
    ...(disks.length === 1 ? disks[0] : { disks }),
    options,
    seconds: Number(seconds.toFixed(3)),
    images: imagesOf(result).map(({ disk, format, name, encoding, length, allocated, ids }) => ({
      disk,
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
