// Connections: kept open between requests, through a proxy if the environment names one, trusting
// the certificates that the environment adds.

import { readFileSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import { Agent as SecureAgent } from 'node:https';
import { isIPv6 } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect, type ConnectionOptions, rootCertificates } from 'node:tls';
import { KexportError, reasonOf } from '../../errors.ts';
import type { Route, WithEnd } from './exchange.ts';
import { TRANSIENT } from './failure.ts';
import { type Proxy, proxyFor } from './proxy.ts';
import { shownUrl } from './secrets.ts';

/** The variables of the environment that concern connections. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Ways to servers, and the connections on them. */
export interface Routes {
  /** The way to the server of that address. Throws a KexportError for a proxy that is none. */
  to(url: URL): Route;
  /** Closes all connections. */
  close(): void;
}

/** Files with certificates to trust besides those of Node. */
const CA_VARIABLES = ['SSL_CERT_FILE', 'AWS_CA_BUNDLE', 'CURL_CA_BUNDLE', 'REQUESTS_CA_BUNDLE'];

/** One that Node reads itself, unless it is told which authorities to trust. */
const NODE_CA_VARIABLE = 'NODE_EXTRA_CA_CERTS';

/** How long an idle connection is kept, in milliseconds: less than servers do. */
const KEEP = { keepAlive: true, timeout: 4000 };

/** `fingerprint` is the SHA-256 of the one certificate that is trusted, if it is given. */
export function routes(env: Environment, fingerprint?: string): Routes {
  const ca = certificates(env);
  const trust = { fingerprint, ca };
  const plain = new Agent(KEEP);
  const secure =
    fingerprint === undefined
      ? new SecureAgent({ ...KEEP, ...(ca && { ca }) })
      : agentWith((options, done) => secured(options, trust, done));
  const tunnels = new Map<string, SecureAgent>();
  return {
    to(url) {
      const proxy = proxyFor(url, env);
      if (url.protocol === 'http:') return { agent: plain, proxy };
      if (!proxy) return { agent: secure };
      const agent = tunnels.get(proxy.url.href) ?? tunnelAgent(proxy, trust);
      tunnels.set(proxy.url.href, agent);
      return { agent };
    },
    close() {
      for (const agent of [plain, secure, ...tunnels.values()]) agent.destroy();
    },
  };
}

function certificates(env: Environment): string[] | undefined {
  const isGiven = (name: string) => (env[name] ?? '') !== '';
  if (!CA_VARIABLES.some(isGiven)) return undefined;
  const extra = [...CA_VARIABLES, NODE_CA_VARIABLE].filter(isGiven).map((name) => {
    const path = env[name] ?? '';
    try {
      return readFileSync(path, 'utf8');
    } catch (cause) {
      const what = `cannot read the certificates in ${path}, which ${name} names`;
      throw new KexportError('usage', `${what}: ${reasonOf(cause)}`, { cause });
    }
  });
  return [...rootCertificates, ...extra];
}

/** Which certificates are trusted. */
interface Trust {
  /** SHA-256 of the only one; else those of a known authority are. */
  readonly fingerprint: string | undefined;
  readonly ca: string[] | undefined;
}

type Wanted = ConnectionOptions & Partial<WithEnd>;

type Connected = (error: Error | null, stream: Duplex) => void;

function agentWith(open: (options: Wanted, done: Connected) => void): SecureAgent {
  return Object.assign(new SecureAgent(KEEP), { createConnection: open });
}

function failed(done: Connected, error: Error): void {
  done(error, undefined as unknown as Duplex); // no stream
}

/**
 * Destroys what is not connected yet when the request that waits for it has failed: the agent does
 * not know of it before. Returns what is to be called once it is connected.
 */
function endedWith(
  { ended }: Partial<WithEnd>,
  connecting: { destroy(error: Error): unknown },
): () => void {
  const onEnd = () => connecting.destroy(new Error('interrupted'));
  ended?.addEventListener('abort', onEnd);
  return () => ended?.removeEventListener('abort', onEnd);
}

/** Hands over a connection by TLS: with a fingerprint, not before that was compared. */
function secured(options: Wanted, { fingerprint, ca }: Trust, done: Connected): void {
  if (fingerprint === undefined) {
    done(null, connect({ ...options, ...(ca && { ca }) }));
    return;
  }
  const socket = connect({ ...options, rejectUnauthorized: false });
  const connected = endedWith(options, socket);
  const onError = (error: Error) => failed(done, error);
  socket.once('error', onError);
  socket.once('secureConnect', () => {
    connected();
    socket.off('error', onError);
    const { fingerprint256: found } = socket.getPeerCertificate();
    if (digitsOf(found) === digitsOf(fingerprint)) {
      done(null, socket);
      return;
    }
    socket.destroy();
    const error = new Error(`the certificate has the fingerprint ${found}, not ${fingerprint}`);
    failed(done, Object.assign(error, { code: 'ERR_TLS_FINGERPRINT' }));
  });
}

function digitsOf(fingerprint: string): string {
  return fingerprint.replaceAll(':', '').toUpperCase();
}

/** An agent whose connections are tunnels through a proxy (RFC 9110, CONNECT). */
function tunnelAgent({ url, hostname, port, credentials }: Proxy, trust: Trust): SecureAgent {
  return agentWith((options, done) => {
    const { host = '', servername, ended } = options;
    const server = `${isIPv6(host) ? `[${host}]` : host}:${options.port ?? 443}`;
    const asked = httpRequest({
      method: 'CONNECT',
      hostname,
      port,
      path: server,
      headers: { host: server, ...credentials },
      agent: false,
    });
    const connected = endedWith(options, asked);
    asked.once('error', (error) => failed(done, error));
    asked.once('connect', ({ statusCode = 0 }, socket) => {
      connected();
      if (statusCode === 200) {
        // An address is no servername: without `host` the certificate would have to be the proxy's.
        const wanted = { socket, host, servername: servername ?? host, ...(ended && { ended }) };
        secured(wanted, trust, done);
        return;
      }
      socket.destroy();
      const what = `the proxy ${shownUrl(url)} answered ${statusCode} to CONNECT ${server}`;
      const refused = !TRANSIENT.has(statusCode) && { code: 'ERR_PROXY_REFUSED' };
      failed(done, Object.assign(new Error(what), refused));
    });
    asked.end();
  });
}
