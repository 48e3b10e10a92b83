// The worker of the page: all that reads a file or makes an image, so that no image can freeze the
// page.

import { asFlag } from '../cli/options/flags.ts';
import { environmentError, KexportError } from '../errors.ts';
import { removeLeftovers } from '../runtime/browser-storage.ts';
import type { Progress } from '../sources/progress.ts';
import { exportImages, type Listeners } from './export.ts';
import { inspect } from './inspect.ts';
import type { Answer, Failure, Report, Request, ToWorker } from './protocol.ts';
import { verify } from './verify.ts';

/** Between two reports of progress, in milliseconds. */
const INTERVAL = 100;

const running = new Map<number, AbortController>();

self.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  if ('cancel' in data) running.get(data.cancel)?.abort();
  else void serve(data.id, data.request);
};
void removeLeftovers().catch(() => undefined); // a page without storage has none

async function serve(id: number, request: Request): Promise<void> {
  const stop = new AbortController();
  running.set(id, stop);
  const tell = (message: Report) => self.postMessage({ id, ...message });
  try {
    const listeners: Listeners = {
      signal: stop.signal,
      onProgress: everySoOften((progress) => tell({ progress })),
      onWarning: (warning) => tell({ warning: warning.inNotation(asFlag) }),
    };
    tell({ answer: await answerTo(request, listeners) });
  } catch (error) {
    tell({ failure: failureOf(error) });
  } finally {
    running.delete(id);
  }
}

function answerTo(request: Request, listeners: Listeners): Promise<Answer> {
  if (request.kind === 'inspect') return inspect(request.file, request.options);
  return request.kind === 'export' ? exportImages(request, listeners) : verify(request, listeners);
}

function failureOf(error: unknown): Failure {
  const known = error instanceof KexportError ? error : environmentError(error);
  if (known) return { code: known.code, ...known.inNotation(asFlag) };
  const stack = error instanceof Error ? error.stack : undefined;
  return {
    code: 'bug',
    message: `a bug: please report this: ${stack ?? String(error)}`,
    hint: undefined,
  };
}

/** Passes on the first report of each phase, and then one in each interval. */
function everySoOften(report: (progress: Progress) => void): (progress: Progress) => void {
  let last = 0;
  let phase: string | undefined;
  return (progress) => {
    const now = performance.now();
    if (progress.phase === phase && now - last < INTERVAL) return;
    last = now;
    phase = progress.phase;
    report(progress);
  };
}
