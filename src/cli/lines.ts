import { formatSize } from './sizes.ts';

const MAX_FILES = 3;

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

/** Says of files that an image needs that they were not opened; of many, so many. */
export function notOpenedText(files: readonly string[]): string {
  const names = files.slice(0, MAX_FILES).map(printable);
  const more = files.length - names.length;
  const all = more > 0 ? `${names.join(', ')} and ${more} more` : names.join(' and ');
  return `${all} ${files.length === 1 ? 'was' : 'were'} not opened (say --backing)`;
}

/** Text of an image, which a terminal might take for commands. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '?');
}
