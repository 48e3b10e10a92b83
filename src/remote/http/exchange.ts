// One HTTP request and its answer. It ends within a known time, whatever the other side does.

import {
  type Agent,
  type ClientRequest,
  type IncomingMessage,
  request as httpRequest,
} from 'node:http';
import { request as httpsRequest } from 'node:https';
import { Readable } from 'node:stream';
import { HttpFailure } from './failure.ts';
import { percentDecoded } from './percent-decoded.ts';
import type { Proxy } from './proxy.ts';

export type Method = 'GET' | 'HEAD' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';

/** An answer. */
export interface HttpResponse {
  readonly status: number;
  /** The words behind the status, which say something in some protocols. */
  readonly reason: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Empty if the bytes went into `Exchange.into`. */
  readonly body: Buffer;
}

/** How long an exchange may take, in milliseconds. */
export interface Timeouts {
  /** Until a connection is made. */
  readonly connect: number;
  /** Without a byte in either direction. */
  readonly idle: number;
  /** In all, besides what `minRate` allows for the bytes that are moved. */
  readonly total: number;
}

export const TIMEOUTS: Timeouts = { connect: 10_000, idle: 60_000, total: 120_000 };

/** Bytes in a millisecond that a connection must at least carry. */
const MIN_RATE = 16;

/** The longest time that a timer of Node waits, in milliseconds. */
const MAX_TIMER = 2 ** 31 - 1;

/** The longest answer that is kept in memory, in bytes: lists and errors. */
const MAX_BODY = 16 * 2 ** 20;

/** The body of a request that does not fit into the memory. */
export interface StreamedBody {
  /** In bytes. */
  readonly length: number;
  /** All of them from the first on, each piece in memory of its own. Called for each attempt. */
  pieces(): AsyncIterable<Uint8Array>;
}

export type Body = readonly Uint8Array[] | StreamedBody;

export interface Exchange {
  readonly method: Method;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Body;
  /** Gets the body of an answer with the status 206, which must be as long. */
  readonly into?: Uint8Array | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly timeouts: Timeouts;
  /** How to connect. */
  readonly route: Route;
}

/** The way to a server. */
export interface Route {
  readonly agent: Agent;
  /** Where to connect to, if that is not the server: a proxy. */
  readonly proxy?: Proxy | undefined;
}

/** An option of a request, which the agent of a route gets for the connection too. */
export interface WithEnd {
  /** Aborted when the request fails: it does not wait for the connection any more. */
  readonly ended: AbortSignal;
}

/** Throws an HttpFailure, whose cause is the error of the system if there is one. */
export function exchange(request: Exchange): Promise<HttpResponse> {
  const { method, url, body, into, signal, timeouts } = request;
  const length = lengthOf(body);
  return new Promise((resolve, reject) => {
    const ended = new AbortController();
    const sent = start(request, length, ended.signal);
    const timers: NodeJS.Timeout[] = [];
    const settle = () => {
      for (const timer of timers) clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    const fail = (error: unknown) => {
      settle();
      sent.destroy();
      ended.abort();
      reject(asFailure(error));
    };
    const onAbort = () => fail(new HttpFailure('interrupted'));
    const limit = (milliseconds: number, what: string) => {
      const end = () => fail(new HttpFailure(`${what} within ${milliseconds / 1000} s`));
      const timer = setTimeout(end, milliseconds);
      timers.push(timer);
      return timer;
    };

    if (signal?.aborted) onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    const moved = length + (into?.length ?? 0);
    limit(Math.min(timeouts.total + moved / MIN_RATE, MAX_TIMER), 'no complete answer');
    const connecting = limit(timeouts.connect, `no connection to ${url.host}`);
    sent.on('socket', (socket) => {
      const connected = () => clearTimeout(connecting);
      if (!socket.connecting) connected();
      else socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', connected);
    });
    sent.on('timeout', () => fail(new HttpFailure(`no byte for ${timeouts.idle / 1000} s`)));
    sent.on('error', fail);
    sent.on('response', (answer) => {
      // A server may refuse a body that is still being sent, and then close the connection.
      sent.off('error', fail);
      sent.on('error', () => undefined);
      receive(answer, method === 'HEAD' ? undefined : into).then((response) => {
        settle();
        if (!sent.writableEnded) sent.destroy(); // what is left of the body is not wanted
        resolve(response);
      }, fail);
    });
    send(body, sent, fail);
  });
}

function lengthOf(body: Body): number {
  return isStreamed(body) ? body.length : body.reduce((sum, { length }) => sum + length, 0);
}

function isStreamed(body: Body): body is StreamedBody {
  return 'pieces' in body;
}

function send(body: Body, sent: ClientRequest, fail: (error: unknown) => void): void {
  if (isStreamed(body)) {
    const bytes = Readable.from(body.pieces(), { objectMode: false });
    bytes.on('error', fail); // those of the connection are heard of by themselves
    sent.once('close', () => bytes.destroy());
    bytes.pipe(sent);
    return;
  }
  for (const bytes of body.slice(0, -1)) sent.write(bytes);
  sent.end(body.at(-1));
}

function start(
  { method, url, headers, route, timeouts }: Exchange,
  length: number,
  ended: AbortSignal,
) {
  const { agent, proxy } = route;
  const counted = length > 0 || method === 'PUT' || method === 'POST' || method === 'PATCH';
  const { username, password } = url;
  const isWithUser = username !== '' || password !== '';
  const options = {
    method,
    agent,
    ended,
    timeout: timeouts.idle,
    headers: { ...headers, ...(counted && { 'content-length': String(length) }) },
    // Node's own decoding fails on a `%` that encodes nothing.
    ...(isWithUser && { auth: `${percentDecoded(username)}:${percentDecoded(password)}` }),
  };
  const server = new URL(url);
  server.username = '';
  server.password = '';
  if (proxy) {
    const { hostname, port, credentials } = proxy;
    const all = { host: url.host, ...options.headers, ...credentials };
    return httpRequest({ ...options, headers: all, hostname, port, path: server.href });
  }
  return server.protocol === 'https:'
    ? httpsRequest(server, options)
    : httpRequest(server, options);
}

async function receive(
  answer: IncomingMessage,
  into: Uint8Array | undefined,
): Promise<HttpResponse> {
  const status = answer.statusCode ?? 0;
  const reason = answer.statusMessage ?? '';
  const headers = headersOf(answer);
  if (into && status === 200) {
    answer.destroy(); // the whole file, where a part was asked for
    return { status, reason, headers, body: Buffer.alloc(0) };
  }
  const target = status === 206 ? into : undefined;
  const chunks: Buffer[] = [];
  let received = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    const end = received + chunk.length;
    if (end > (target?.length ?? MAX_BODY)) {
      throw new HttpFailure(`an answer of more than ${target?.length ?? MAX_BODY} bytes`);
    }
    if (target) target.set(chunk, received);
    else chunks.push(chunk);
    received = end;
  }
  if (target && received < target.length) {
    throw new HttpFailure(`the answer ended after ${received} of ${target.length} bytes`);
  }
  return { status, reason, headers, body: Buffer.concat(chunks) };
}

function headersOf({ headers }: IncomingMessage): Record<string, string> {
  const pairs = Object.entries(headers).map(([name, value]) => [name, String(value)]);
  return Object.fromEntries(pairs) as Record<string, string>;
}

function asFailure(error: unknown): HttpFailure {
  if (error instanceof HttpFailure) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new HttpFailure(message, { cause: error });
}
