import { formatSize } from './sizes.ts';

/** What is told of one thing, `key: value` each on its line, the values in a column. */
export function formatLines(lines: readonly (readonly [key: string, value: string])[]): string {
  const width = Math.max(...lines.map(([key]) => key.length)) + 1;
  return lines
    .map(([key, value]) => `${`${printable(key)}:`.padEnd(width)} ${printable(value)}\n`)
    .join('');
}

/** Bytes for people who also want to know exactly: "5.0 GiB (5368709120 bytes)". */
export function exactSize(bytes: number): string {
  return bytes < 1024 ? `${bytes} bytes` : `${formatSize(bytes)} (${bytes} bytes)`;
}

/** Text of an image, which a terminal might take for commands. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '?');
}
