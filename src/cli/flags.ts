import type { OptionMention, OptionName } from '../errors.ts';
import { shellWord } from '../host/shell-word.ts';

/** The flags of the options that errors name. */
const FLAGS: Readonly<Record<OptionName, string>> = {
  allowBacking: '--backing',
  backingFile: '--backing',
  compression: '--compression',
  disk: '--disk',
  flatten: '--flatten',
  force: '--force',
  from: '--from',
  incrementalFrom: '--incremental-from',
  liveInconsistent: '--live-inconsistent',
  maxHold: '--max-hold',
  sentSnapshot: '--snapshot',
  size: '--size',
  takeSnapshot: '--no-snapshot', // true unless it is given
  verify: '--verify',
  volume: '--volume',
};

/** Writes an option of the library as it is typed on the command line. */
export function asFlag({ option, value }: OptionMention): string {
  const flag = FLAGS[option];
  const takesValue = typeof value === 'string' || typeof value === 'number';
  return takesValue ? `${flag} ${shellWord(String(value))}` : flag;
}
