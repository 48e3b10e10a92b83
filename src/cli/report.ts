import type { EncodeResult } from '../encode.ts';
import { formatSize } from './sizes.ts';

/** The table that an export ends with. */
export function formatReport(result: EncodeResult, seconds: number): string {
  const rows = result.images.map(({ format, name, allocated }) => [
    format.name,
    name,
    formatSize(result.diskSize),
    formatSize(allocated),
    `${seconds.toFixed(1)} s`,
  ]);
  const table = formatTable([['FORMAT', 'FILE', 'VIRTUAL SIZE', 'SIZE ON DISK', 'TIME'], ...rows]);
  const padding = result.diskSize - result.sourceSize;
  return padding === 0 ? table : `${table}${padding} zero bytes pad the disk to a whole sector\n`;
}

/** The same for programs; sizes in bytes. */
export function jsonReport(source: string, result: EncodeResult, seconds: number): string {
  const report = {
    source,
    sourceSize: result.sourceSize,
    virtualSize: result.diskSize,
    seconds: Number(seconds.toFixed(3)),
    images: result.images.map(({ format, name, length, allocated }) => ({
      format: format.name,
      file: name,
      fileSize: length,
      sizeOnDisk: allocated,
    })),
  };
  return `${JSON.stringify(report, undefined, 2)}\n`;
}

function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ');
  return rows.map((row) => `${line(row).trimEnd()}\n`).join('');
}
