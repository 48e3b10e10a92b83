// A server of a test's own, which plays a store and fails on demand.

import {
  createServer,
  STATUS_CODES,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request that was received whole. */
export interface Received {
  readonly method: string;
  readonly url: URL;
  /** As it was sent, not decoded. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface Reply {
  readonly status: number;
  /** The words behind the status, if they are not those of HTTP. */
  readonly reason?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Uint8Array;
}

/**
 * What goes wrong with a request:
 *
 * - `reset`: the connection breaks once the request has come;
 * - `hang`: there is no answer;
 * - `half`: the answer breaks off in its body;
 * - `lost`: the request is carried out, and the connection breaks then;
 * - a reply: that is sent, and nothing is done.
 */
export type Fault = 'reset' | 'hang' | 'half' | 'lost' | Reply;

/** Decides on the fault of a request; undefined for none. Called before it is carried out. */
export type Faults = (request: Received) => Fault | undefined;

export interface Double {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** Every request that has come, in its order. */
  readonly requests: readonly Received[];
  /** Of the requests from now on. */
  faults: Faults;
  /** How long each answer takes, in milliseconds. */
  latency: number;
  /** How many requests were being answered at once at the most. */
  readonly mostAtOnce: number;
  close(): Promise<void>;
}

/** Starts a server on a port of its own, whose service answers every request. */
export async function startDouble(
  service: (request: Received) => Reply | Promise<Reply>,
): Promise<Double> {
  const requests: Received[] = [];
  const state = { faults: (() => undefined) as Faults, latency: 0, atOnce: 0, mostAtOnce: 0 };
  const server = createServer((incoming, outgoing) => {
    const serve = async (request: Received) => {
      requests.push(request);
      state.mostAtOnce = Math.max(state.mostAtOnce, ++state.atOnce);
      await answer(request, outgoing, state.faults(request));
      state.atOnce--;
    };
    receive(incoming).then(serve, () => undefined); // the client may give up
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  async function answer(
    request: Received,
    outgoing: ServerResponse,
    fault: Fault | undefined,
  ): Promise<void> {
    if (state.latency > 0) await new Promise((resolve) => setTimeout(resolve, state.latency));
    if (fault === 'hang') return;
    if (fault === 'reset') {
      outgoing.destroy();
      return;
    }
    const reply = typeof fault === 'object' ? fault : await service(request);
    if (fault === 'lost') {
      outgoing.destroy();
      return;
    }
    const body = Buffer.from(reply.body ?? '');
    const { status, reason = STATUS_CODES[status] } = reply;
    outgoing.writeHead(status, reason, { 'content-length': body.length, ...reply.headers });
    if (fault === 'half') {
      outgoing.write(body.subarray(0, body.length >> 1), () => outgoing.destroy());
      return;
    }
    outgoing.end(request.method === 'HEAD' ? undefined : body);
  }

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    get faults() {
      return state.faults;
    },
    set faults(faults) {
      state.faults = faults;
    },
    get latency() {
      return state.latency;
    },
    set latency(milliseconds) {
      state.latency = milliseconds;
    },
    get mostAtOnce() {
      return state.mostAtOnce;
    },
    close: () => stop(server),
  };
}

async function receive(incoming: IncomingMessage): Promise<Received> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
  const target = incoming.url ?? '';
  return {
    method: incoming.method ?? '',
    url: new URL(target, `http://${incoming.headers.host ?? ''}`),
    target,
    headers: incoming.headers as Record<string, string>,
    body: Buffer.concat(chunks),
  };
}

async function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

/** Faults one after the other, and none after the last. */
export function oneByOne(...faults: (Fault | undefined)[]): Faults {
  let next = 0;
  return () => faults[next++];
}

/** The same share of all requests fails, each time with the next of the faults. */
export function everyNth(n: number, ...faults: readonly Fault[]): Faults {
  let count = 0;
  return () => (++count % n === 0 ? faults[(count / n) % faults.length] : undefined);
}
