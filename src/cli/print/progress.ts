import type { OnProgress, Progress } from '../../sources/progress.ts';
import { formatDuration, formatSize } from './sizes.ts';

const TERMINAL_INTERVAL = 0.2; // seconds
const PLAIN_INTERVAL = 10;

/** In this time of a phase, in seconds, its rate says nothing. */
const MIN_TIME = 0.2;

/**
 * Shows the progress of an export: on a terminal a line that changes, elsewhere a line every 10
 * seconds.
 */
export interface ProgressDisplay {
  readonly update: OnProgress;
  /** Prints text above the changing line. */
  say(text: string): void;
  /** Removes the changing line. */
  done(): void;
}

export async function progressDisplay(quiet: boolean): Promise<ProgressDisplay> {
  const { stderr } = process;
  const say = (text: string) => void stderr.write(text);
  if (quiet || !stderr.isTTY) {
    const show = (texts: readonly string[]) => say(`${texts[0] ?? ''}\n`);
    const shown = shownEvery(quiet ? Infinity : PLAIN_INTERVAL, false, show);
    return { update: shown.update, say, done: shown.stop };
  }
  const { createLogUpdate } = await import('log-update');
  const line = createLogUpdate(stderr);
  // The last column stays free: some terminals wrap after it.
  const show = (texts: readonly string[]) => line(fitting(texts, stderr.columns - 1));
  const shown = shownEvery(TERMINAL_INTERVAL, true, show);
  return {
    update: shown.update,
    say: (text) => {
      line.clear();
      say(text);
    },
    done: () => {
      shown.stop();
      line.clear();
      line.done(); // shows the cursor again
    },
  };
}

/**
 * Shows progress in such intervals of seconds, and when SIGUSR1 asks for it, as dd and qemu-img do;
 * with `beginnings`, each new phase at once, too. The phases of each image have a clock of their
 * own, which starts where the one before stood.
 */
function shownEvery(
  interval: number,
  beginnings: boolean,
  show: (texts: readonly string[]) => void,
): { readonly update: OnProgress; readonly stop: () => void } {
  let last = performance.now() / 1000;
  let shown = last;
  const starts = new Map<string, number>();
  const onAsked = () => (shown = -Infinity);
  if (process.platform !== 'win32') process.on('SIGUSR1', onAsked);
  const stop = () => void process.off('SIGUSR1', onAsked);
  const update: OnProgress = (progress) => {
    const now = performance.now() / 1000;
    const key = `${progress.phase} ${progress.format ?? ''} ${progress.disk?.number ?? ''}`;
    const start = starts.get(key);
    const isNew = start === undefined;
    starts.set(key, start ?? last);
    const seconds = now - (start ?? last);
    last = now;
    if (now - shown < interval && !(beginnings && isNew)) return;
    shown = now;
    show(describe(progress, seconds));
  };
  return { update, stop };
}

/** Progress in words, the longest text first. */
function describe(progress: Progress, seconds: number): string[] {
  const { phase, format, disk, done, total } = progress;
  const place = disk && `disk ${disk.number} of ${disk.count}`;
  const what = [phase, format, place].filter((word) => word !== undefined).join(' ');
  const rate = done > 0 && seconds >= MIN_TIME ? done / seconds : undefined;
  const speed = rate === undefined ? '' : `${formatSize(rate)}/s`;
  if (total === undefined || (phase === 'syncing' && done === 0)) {
    const size = formatSize(total ?? done);
    return [joined(what, size, speed), joined(what, size), what];
  }
  const percent = `${total === 0 ? 100 : Math.floor((100 * done) / total)} %`;
  const size = `${formatSize(done)} of ${formatSize(total)}`;
  const left = rate === undefined ? '' : `ETA ${formatDuration(Math.max(0, total - done) / rate)}`;
  return [
    joined(what, percent, size, speed, left, sentText(progress, seconds)),
    joined(what, percent, size, speed, left),
    joined(what, percent, speed, left),
    joined(what, percent, left),
    joined(what, percent),
    what,
  ];
}

/** What stores have got. */
function sentText({ sent, retries = 0 }: Progress, seconds: number): string {
  if (sent === undefined) return '';
  const rate = seconds >= MIN_TIME ? ` at ${formatSize(sent / seconds)}/s` : '';
  const again = retries === 0 ? '' : `, ${retries} requests repeated`;
  return `sent ${formatSize(sent)}${rate}${again}`;
}

function joined(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('  ');
}

/** The first text that fits, or as much as fits of the last. */
function fitting(texts: readonly string[], columns: number): string {
  return texts.find(({ length }) => length <= columns) ?? (texts.at(-1) ?? '').slice(0, columns);
}
