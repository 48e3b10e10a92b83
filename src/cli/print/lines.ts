import { paint } from './color.ts';
import { printable } from './printable.ts';

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

/** JSON as the commands print it. */
export function jsonText(value: unknown): string {
  return `${withEscapes(JSON.stringify(value, undefined, 2))}\n`;
}

/** JSON without the characters that `printable` replaces, in strings of it; it stays the same. */
export function withEscapes(json: string): string {
  return json.replace(/[\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    character
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}
