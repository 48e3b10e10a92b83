import { formatDuration, formatSize } from '../cli/print/sizes.ts';
import type { Phase, Progress } from '../sources/progress.ts';

const WORDS: Readonly<Record<Phase, string>> = {
  spooling: 'Reading the disk',
  writing: 'Converting',
  sending: 'Writing the image',
  syncing: 'Saving',
  hashing: 'Hashing',
  verifying: 'Reading',
};

/** Follows one run: a line of text for each report, and how much of the phase is done. */
export function progressText() {
  let phase: Phase | undefined;
  let began = 0;
  let first = 0;
  return (progress: Progress, now: number): { text: string; share: number | undefined } => {
    const { done, total } = progress;
    if (progress.phase !== phase) {
      phase = progress.phase;
      began = now;
      first = done;
    }
    const seconds = (now - began) / 1000;
    const rate = seconds > 0.5 ? (done - first) / seconds : undefined;
    const all = total === undefined ? '' : ` of ${formatSize(total)}`;
    const parts = [`${WORDS[progress.phase]}: ${formatSize(done)}${all}`];
    if (rate !== undefined && rate > 0) {
      parts.push(`${formatSize(rate)}/s`);
      if (total !== undefined) parts.push(`${formatDuration((total - done) / rate)} left`);
    }
    return { text: parts.join(', '), share: total ? Math.min(1, done / total) : undefined };
  };
}
