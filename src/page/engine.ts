// The worker of the page, as the page sees it.

import type { Progress } from '../sources/progress.ts';
import type { Answer, Failure, FromWorker, Request, ToWorker } from './protocol.ts';

/** What a request reports until it is answered. */
export interface RequestListener {
  readonly onProgress?: (progress: Progress) => void;
  readonly onWarning?: (text: string) => void;
}

/** Why a request was not answered: what the command would say. */
export class RequestError extends Error {
  /** The kind of failure: see `ErrorCode`; `bug`, and `died` if the worker has. */
  readonly code: string;
  readonly hint: string | undefined;

  constructor({ code, message, hint }: Failure) {
    super(message);
    this.name = 'RequestError';
    this.code = code;
    this.hint = hint;
  }
}

/** How long a worker may take to hear of a cancellation, in milliseconds, before it is ended. */
const PATIENCE = 3000;

interface Pending extends RequestListener {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: RequestError) => void;
}

/** Runs requests in a worker, which `start` starts; and another one, if it has died. */
export function engine(start: () => Worker) {
  const pending = new Map<number, Pending>();
  let worker: Worker | undefined;
  let lastId = 0;

  function started(): Worker {
    if (worker) return worker;
    worker = start();
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => receive(data);
    worker.onerror = ({ message }) =>
      end({ code: 'died', message: `the worker has died: ${message}`, hint: undefined });
    return worker;
  }

  function receive(data: FromWorker): void {
    const request = pending.get(data.id);
    if ('progress' in data) request?.onProgress?.(data.progress);
    else if ('warning' in data) request?.onWarning?.(data.warning);
    else {
      pending.delete(data.id);
      if ('answer' in data) request?.resolve(data.answer);
      else request?.reject(new RequestError(data.failure));
    }
  }

  function end(failure: Failure): void {
    worker?.terminate();
    worker = undefined;
    for (const { reject } of pending.values()) reject(new RequestError(failure));
    pending.clear();
  }

  return {
    /** Rejects with a RequestError. */
    run(request: Request, listener: RequestListener, signal: AbortSignal): Promise<Answer> {
      const id = ++lastId;
      const post = (message: ToWorker) => started().postMessage(message);
      const cancel = () => {
        post({ cancel: id });
        setTimeout(() => {
          if (!pending.has(id)) return;
          end({ code: 'aborted', message: 'interrupted', hint: undefined });
        }, PATIENCE);
      };
      return new Promise<Answer>((resolve, reject) => {
        pending.set(id, { ...listener, resolve, reject });
        signal.addEventListener('abort', cancel, { once: true });
        post({ id, request });
      }).finally(() => signal.removeEventListener('abort', cancel));
    },
  };
}
