import { paint } from './color.ts';
import { printable } from './printable.ts';

/** Formats rows as lines with aligned columns. Cells may have text of others. */
export function formatTable(given: readonly (readonly string[])[]): string {
  const rows = given.map((row) => row.map(printable));
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ');
  return rows.map((row) => `${line(row).trimEnd()}\n`).join('');
}

/** The same for a stream, with a bold first row. */
export function formatHeadedTable(
  stream: 'stdout' | 'stderr',
  rows: readonly (readonly string[])[],
): string {
  const table = formatTable(rows);
  const end = table.indexOf('\n');
  return paint(stream, 'bold', table.slice(0, end)) + table.slice(end);
}
