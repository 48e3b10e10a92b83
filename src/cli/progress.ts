import type { createLogUpdate } from 'log-update';
import type { Progress } from '../encode.ts';
import { formatDuration, formatSize } from './sizes.ts';

const TERMINAL_INTERVAL = 0.2; // seconds
const PLAIN_INTERVAL = 10;

/** Shows how far an export has come: a line that changes on a terminal, elsewhere one now and then. */
export interface ProgressDisplay {
  update(progress: Progress): void;
  /** Removes the changing line. */
  done(): void;
}

export async function progressDisplay(quiet: boolean): Promise<ProgressDisplay> {
  if (quiet) return { update: () => undefined, done: () => undefined };
  if (!process.stderr.isTTY)
    return display(PLAIN_INTERVAL, (line) => process.stderr.write(`${line}\n`));
  const library = await import('log-update');
  const line: ReturnType<typeof createLogUpdate> = library.createLogUpdate(process.stderr);
  return { ...display(TERMINAL_INTERVAL, line), done: () => line.clear() };
}

function display(interval: number, show: (line: string) => void): ProgressDisplay {
  const started = performance.now() / 1000;
  let shown = started;
  return {
    update(progress) {
      const now = performance.now() / 1000;
      if (now - shown < interval) return;
      shown = now;
      show(describe(progress, now - started));
    },
    done: () => undefined,
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
