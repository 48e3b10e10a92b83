// Sends requests until they are answered: what may succeed later is sent again, after a wait that
// grows, until a time has passed.

import { setMaxListeners } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { errnoOf, type ErrorCode, KexportError, throwIfAborted } from '../../errors.ts';
import { environmentOf } from '../environment.ts';
import {
  type Body,
  exchange,
  type HttpResponse,
  type Method,
  type Timeouts,
  TIMEOUTS,
} from './exchange.ts';
import { type Explanation, HttpFailure, TRANSIENT } from './failure.ts';
import { type Environment, routes } from './route.ts';
import { shownHeaders, shownUrl, withoutSecrets } from './secrets.ts';

/** A request to a service. */
export interface HttpRequest {
  /** What it does, for errors: `upload part 3 of s3://bucket/key`. */
  readonly what: string;
  readonly method: Method;
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Must not change until the request has ended. */
  readonly body?: Body | undefined;
  /** Gets the bytes of an answer to a request for a range, which must be as many. */
  readonly into?: Uint8Array | undefined;
  /** Statuses that are answers besides 2xx. */
  readonly accepts?: readonly number[] | undefined;
  /** Header fields of an attempt: those that sign it. Called for each, since they age. */
  readonly authorize?: (() => Promise<Readonly<Record<string, string>>>) | undefined;
  /**
   * What to send in place of the request when it is sent again, as some of it may have arrived.
   * Called before each attempt but the first.
   */
  readonly resume?: (() => Promise<Resumed>) | undefined;
  /** What the service says in an answer that is not accepted. */
  readonly explain?: ((response: HttpResponse) => Explanation | Promise<Explanation>) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** How long failures are retried, in milliseconds. Default: that of the client. */
  readonly patience?: number | undefined;
  /** Default: those of the client. */
  readonly timeouts?: Partial<Timeouts> | undefined;
  /** Whether an answer with an accepted status is a refusal all the same. */
  readonly isRefusal?: ((response: HttpResponse) => boolean) | undefined;
}

/** What changes in a request that is sent again. */
export type Resumed = Partial<Pick<HttpRequest, 'method' | 'url' | 'headers' | 'body'>>;

/** Options of {@link httpClient}. */
export interface ClientOptions {
  /** The code of the errors that `send` throws. */
  readonly code: ErrorCode;
  /** Default: that of the process. */
  readonly env?: Environment | undefined;
  readonly timeouts?: Partial<Timeouts> | undefined;
  /** SHA-256 of the one certificate that is trusted, in hexadecimal digits; colons may be there. */
  readonly fingerprint?: string | undefined;
  /** How long failures are retried, in milliseconds. Default: two minutes. */
  readonly patience?: number | undefined;
  /** The first wait before a retry, in milliseconds. */
  readonly firstWait?: number | undefined;
  /** Called before each retry. */
  readonly onRetry?: (() => void) | undefined;
}

export interface HttpClient {
  /**
   * Sends a request and returns its answer. Throws a KexportError that says what was tried and what
   * was answered; its cause is an HttpFailure. Neither contains a secret.
   */
  send(request: HttpRequest): Promise<HttpResponse>;
  /** Closes all connections. What is under way rejects with a KexportError `aborted`. */
  close(): void;
}

const PATIENCE = 120_000; // milliseconds
const FIRST_WAIT = 250;
const MAX_WAIT = 15_000;
/** The longest wait that a server may ask for, in milliseconds. */
const MAX_RETRY_AFTER = 300_000;

/** A request is sent so often at least, even if each attempt takes longer than the patience. */
const MIN_ATTEMPTS = 3;

export function httpClient(options: ClientOptions): HttpClient {
  const { code, patience = PATIENCE, firstWait = FIRST_WAIT } = options;
  const timeouts = { ...TIMEOUTS, ...options.timeouts };
  const ways = routes(environmentOf(options), options.fingerprint);
  const underWay = new Set<AbortController>();
  let isClosed = false;
  let hasAnswered = false; // whether the server is known to be there

  async function attempt(request: HttpRequest): Promise<HttpResponse | Refusal> {
    const { method, url, headers, body = [], into, accepts = [], signal } = request;
    try {
      const signed = await request.authorize?.();
      const route = ways.to(url);
      const all = { ...headers, ...signed };
      const limits = { ...timeouts, ...request.timeouts };
      const sent = { method, url, headers: all, body, into, signal, timeouts: limits, route };
      const response = await exchange(sent);
      hasAnswered = true;
      const { status } = response;
      const isAccepted = (status >= 200 && status < 300) || accepts.includes(status);
      if (isAccepted && !request.isRefusal?.(response)) return response;
      return refusalOf(response, (await request.explain?.(response)) ?? {});
    } catch (error) {
      throwIfAborted(signal);
      if (!(error instanceof HttpFailure)) throw error;
      return { failure: error, isTransient: mayPass(error, hasAnswered), wait: 0 };
    }
  }

  return {
    async send(request) {
      const stop = new AbortController();
      const onAbort = () => stop.abort(request.signal?.reason);
      if (isClosed || request.signal?.aborted) onAbort();
      if (request.signal) setMaxListeners(0, request.signal); // one for each request under way
      request.signal?.addEventListener('abort', onAbort);
      underWay.add(stop);
      try {
        return await sendUntilAnswered({ ...request, signal: stop.signal });
      } finally {
        underWay.delete(stop);
        request.signal?.removeEventListener('abort', onAbort);
      }
    },
    close() {
      isClosed = true;
      for (const stop of underWay) stop.abort();
      ways.close();
    },
  };

  async function sendUntilAnswered(request: HttpRequest): Promise<HttpResponse> {
    const { signal } = request;
    const start = performance.now();
    const deadline = start + (request.patience ?? patience);
    let current = request;
    for (let attempts = 1; ; attempts++) {
      throwIfAborted(signal);
      const result = await attempt(current);
      if (!('failure' in result)) return result;
      const wait = Math.max(result.wait, waitBefore(attempts, firstWait));
      const isLate = performance.now() + wait > deadline && attempts >= MIN_ATTEMPTS;
      if (!result.isTransient || isLate) throw errorOf(request, result.failure, attempts);
      options.onRetry?.();
      await setTimeout(wait, undefined, { signal }).catch(() => throwIfAborted(signal));
      if (request.resume) current = { ...request, ...(await request.resume()) };
    }
  }

  function errorOf(request: HttpRequest, failure: HttpFailure, attempts: number): KexportError {
    const { what, url } = request;
    const often = attempts > 1 ? ` (tried ${attempts} times)` : '';
    const where = failure.status === undefined ? ` at ${shownUrl(new URL('/', url))}` : '';
    const message = withoutSecrets(`cannot ${what}${where}: ${failure.message}${often}`);
    return new KexportError(code, message, { cause: failure, hint: failure.hint });
  }
}

interface Refusal {
  readonly failure: HttpFailure;
  readonly isTransient: boolean;
  /** What the server asks to wait, in milliseconds. */
  readonly wait: number;
}

/** The longest text of a service that is shown. */
const MAX_TEXT = 300;

function refusalOf(response: HttpResponse, explanation: Explanation): Refusal {
  const { status, headers } = response;
  const { code, message, isTransient = TRANSIENT.has(status) } = explanation;
  // Before it is cut, which would leave half of a secret.
  const words = withoutSecrets(message ?? '').replace(/\s+/g, ' ');
  const said = [code, words.slice(0, MAX_TEXT)].filter(Boolean).join(': ');
  const text = withoutSecrets(`HTTP ${status}${said === '' ? '' : `, ${said}`}`);
  const shown = { status, code, headers: shownHeaders(headers), hint: explanation.hint };
  return {
    failure: new HttpFailure(text, shown),
    isTransient,
    wait: retryAfter(headers['retry-after']),
  };
}

/** RFC 9110, section 10.2.3: seconds, or a date. */
function retryAfter(text: string | undefined): number {
  if (text === undefined) return 0;
  const wait = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isNaN(wait) ? 0 : Math.min(Math.max(wait, 0), MAX_RETRY_AFTER);
}

/** Doubles with each attempt; half of it is random, so that many senders do not come together. */
function waitBefore(attempts: number, firstWait: number): number {
  const longest = Math.min(firstWait * 2 ** (attempts - 1), MAX_WAIT);
  return longest * (0.5 + Math.random() / 2);
}

/** Errors of a name, a certificate or a proxy that refuses, which do not pass. */
const LASTING =
  /^(ERR_TLS_|ERR_PROXY_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_INVALID|HPE_|EPROTO)/;
/** Errors of a server that is not there. They pass if it was there before. */
const ABSENT = new Set(['ENOTFOUND', 'ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH']);

function mayPass({ cause }: HttpFailure, hasAnswered: boolean): boolean {
  const errno = errnoOf(cause) ?? '';
  if (LASTING.test(errno)) return false;
  return hasAnswered || !ABSENT.has(errno);
}
