// Connections: kept open between requests, through a proxy if the environment names one, trusting
// the certificates that the environment adds.

import { readFileSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import { Agent as SecureAgent } from 'node:https';
import type { Duplex } from 'node:stream';
import { connect, type ConnectionOptions, rootCertificates } from 'node:tls';
import { KexportError, reasonOf } from '../../errors.ts';
import type { Route } from './exchange.ts';
import { keepSecret, shownUrl } from './secrets.ts';

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
      const agent = tunnels.get(proxy.href) ?? tunnelAgent(proxy, trust);
      tunnels.set(proxy.href, agent);
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

/** The proxy of an address, by HTTPS_PROXY, HTTP_PROXY and NO_PROXY. */
function proxyFor(url: URL, env: Environment): URL | undefined {
  const name = url.protocol === 'https:' ? 'https_proxy' : 'http_proxy';
  const text = env[name] ?? env[name.toUpperCase()] ?? '';
  if (text === '' || isDirect(url, env['no_proxy'] ?? env['NO_PROXY'] ?? '')) return undefined;
  const proxy = URL.canParse(text) ? new URL(text) : undefined;
  if (proxy?.protocol !== 'http:') {
    throw new KexportError('usage', `${name.toUpperCase()} does not name a proxy`, {
      hint: 'it looks like http://HOST:PORT',
    });
  }
  if (proxy.password !== '') keepSecret(decodeURIComponent(proxy.password));
  return proxy;
}

/** This machine and its metadata service are never reached through a proxy. */
function isDirect({ hostname, host }: URL, noProxy: string): boolean {
  if (hostname === 'localhost' || /^(127\.|169\.254\.|\[::1\])/.test(hostname)) return true;
  const names = noProxy.split(/[,\s]+/).filter((name) => name !== '');
  return names.some((name) => {
    if (name === '*' || name === hostname || name === host) return true;
    return hostname.endsWith(name.startsWith('.') ? name : `.${name}`);
  });
}

/** Which certificates are trusted. */
interface Trust {
  /** SHA-256 of the only one; else those of a known authority are. */
  readonly fingerprint: string | undefined;
  readonly ca: string[] | undefined;
}

type Connected = (error: Error | null, stream: Duplex) => void;

function agentWith(open: (options: ConnectionOptions, done: Connected) => void): SecureAgent {
  return Object.assign(new SecureAgent(KEEP), { createConnection: open });
}

function failed(done: Connected, error: Error): void {
  done(error, undefined as unknown as Duplex); // no stream
}

/** Hands over a connection by TLS: with a fingerprint, not before that was compared. */
function secured(options: ConnectionOptions, { fingerprint, ca }: Trust, done: Connected): void {
  if (fingerprint === undefined) {
    done(null, connect({ ...options, ...(ca && { ca }) }));
    return;
  }
  const socket = connect({ ...options, rejectUnauthorized: false });
  const onError = (error: Error) => failed(done, error);
  socket.once('error', onError);
  socket.once('secureConnect', () => {
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
function tunnelAgent(proxy: URL, trust: Trust): SecureAgent {
  return agentWith(({ host, port, servername }, done) => {
    const server = `${host ?? ''}:${port ?? 443}`;
    const asked = httpRequest({
      method: 'CONNECT',
      hostname: proxy.hostname,
      port: proxy.port || 80,
      path: server,
      headers: { host: server, ...credentialsOf(proxy) },
      agent: false,
    });
    asked.once('error', (error) => failed(done, error));
    asked.once('connect', ({ statusCode = 0 }, socket) => {
      if (statusCode === 200) {
        const name = servername ?? host ?? undefined;
        secured({ socket, servername: name }, trust, done);
        return;
      }
      socket.destroy();
      const what = `the proxy ${shownUrl(proxy)} answered ${statusCode} to CONNECT ${server}`;
      failed(done, new Error(what));
    });
    asked.end();
  });
}

function credentialsOf({ username, password }: URL): Record<string, string> {
  if (username === '') return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(pair).toString('base64')}` };
}
