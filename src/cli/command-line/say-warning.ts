import type { Warning } from '../../errors.ts';
import { asFlag } from '../options/flags.ts';
import { paint } from '../print/color.ts';
import { printable } from '../print/printable.ts';
import type { ProgressDisplay } from '../print/progress.ts';
import { note } from './messages.ts';

/** Prints the line that tells of a warning, above the progress, and writes it to the log. */
export function sayWarning(progress: ProgressDisplay, warning: Warning): void {
  const words = printable(warning.inNotation(asFlag));
  const text = `${paint('stderr', 'yellow', 'kexport: warning:')} ${words}\n`;
  progress.say(text);
  note(text);
}
