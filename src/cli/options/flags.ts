import type { OptionMention, OptionName as LibraryOption } from '../../errors.ts';
import { shellWord } from '../../host/shell-word.ts';
import { longForm, type OptionName } from './options.ts';

/** The options of the library that have another name on the command line. */
const OTHER_NAMES: Readonly<Partial<Record<LibraryOption, OptionName>>> = {
  takeSnapshot: 'noSnapshot', // true unless it is given
};

/** Writes an option of the library as it is typed on the command line. */
export function asFlag({ option, value }: OptionMention): string {
  const flag = longForm(OTHER_NAMES[option] ?? (option as OptionName));
  const takesValue = typeof value === 'string' || typeof value === 'number';
  return takesValue ? `${flag} ${shellWord(String(value))}` : flag;
}
