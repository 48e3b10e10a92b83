import { paint } from './color.ts';

/** A fact as `key: value`. */
export type Line = readonly [key: string, value: string];

/** Formats facts, one on each line, with the values in a column. */
export function formatLines(lines: readonly Line[]): string {
  const width = Math.max(...lines.map(([key]) => key.length)) + 1;
  return lines
    .map(([key, value]) => {
      const term = `${printable(key)}:`.padEnd(width);
      return `${paint('stdout', 'bold', term)} ${printable(value)}\n`;
    })
    .join('');
}

/** Text from an image, without control characters that a terminal would execute. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '?');
}

/** JSON as the commands print it. */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
