import type { Progress } from '../../sources/progress.ts';
import { formatDuration, formatSize } from './sizes.ts';

const TERMINAL_INTERVAL = 0.2; // seconds
const PLAIN_INTERVAL = 10;

/**
 * Shows the progress of an export: on a terminal a line that changes, elsewhere a line every 10
 * seconds.
 */
export interface ProgressDisplay {
  update(progress: Progress): void;
  /** Prints text above the changing line. */
  say(text: string): void;
  /** Removes the changing line. */
  done(): void;
}

export async function progressDisplay(quiet: boolean): Promise<ProgressDisplay> {
  const say = (text: string) => void process.stderr.write(text);
  const done = () => undefined;
  if (quiet) return { update: () => undefined, say, done };
  if (!process.stderr.isTTY) {
    return { update: every(PLAIN_INTERVAL, (line) => say(`${line}\n`)), say, done };
  }
  const { createLogUpdate } = await import('log-update');
  const line = createLogUpdate(process.stderr);
  return {
    update: every(TERMINAL_INTERVAL, line),
    say: (text) => {
      line.clear();
      say(text);
    },
    done: () => {
      line.clear();
      line.done(); // shows the cursor again
    },
  };
}

function every(interval: number, show: (line: string) => void): (progress: Progress) => void {
  const started = performance.now() / 1000;
  let shown = started;
  return (progress) => {
    const now = performance.now() / 1000;
    if (now - shown < interval) return;
    shown = now;
    show(describe(progress, now - started));
  };
}

function describe({ diskOffset, diskSize }: Progress, seconds: number): string {
  const rate = diskOffset / seconds;
  const speed = `${formatSize(rate)}/s`;
  if (diskSize === undefined) return `${formatSize(diskOffset)}  ${speed}`;
  const percent = Math.floor((100 * diskOffset) / diskSize);
  const left = formatDuration((diskSize - diskOffset) / rate);
  return `${percent} %  ${formatSize(diskOffset)} of ${formatSize(diskSize)}  ${speed}  ETA ${left}`;
}
