import type { Warning } from '../../errors.ts';
import { asFlag } from '../options/flags.ts';
import { paint } from './color.ts';
import { printable } from './printable.ts';

/** The line that tells of a warning. */
export function warningText(warning: Warning): string {
  const text = printable(warning.inNotation(asFlag));
  return `${paint('stderr', 'yellow', 'kexport: warning:')} ${text}\n`;
}
