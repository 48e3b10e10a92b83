import { printable } from './printable.ts';

const MAX_FILES = 3;

/** Says which files that an image needs were not opened; names only the first of many. */
export function notOpenedText(files: readonly string[]): string {
  const names = files.slice(0, MAX_FILES).map(printable);
  const more = files.length - names.length;
  const all = more > 0 ? `${names.join(', ')} and ${more} more` : names.join(' and ');
  return `${all} ${files.length === 1 ? 'was' : 'were'} not opened (use --allow-backing)`;
}
